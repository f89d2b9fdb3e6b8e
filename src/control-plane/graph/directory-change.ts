import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '#identity/tokens.ts'

/** What somebody did, or was not let do, to the directory; nothing of what the request or the answer held but the id of what was made. */
export interface DirectoryChange {
  readonly caller: Caller
  readonly method: string
  /** Kinds of objects from the outermost in: `users`, `groups/members`, `applications/addPassword`. */
  readonly kind: string
  /** Path of the object below the API's root: `/users/ID`. */
  readonly object: string
  readonly status: number
  readonly remote: string
}

/** Actions that only ask; told by the route, for a path ends in whatever name a client chose. */
const READS = /\/(get|check|validate)[^/]*$/

/** What a request that is about to be answered changed; `undefined` where it only asked, or nobody is known to have sent it. */
export const changeOf = (
  request: FastifyRequest,
  { statusCode: status }: FastifyReply,
  root: string,
  payload: unknown,
): DirectoryChange | undefined => {
  const { directoryCaller: caller, method, ip: remote } = request
  const route = request.routeOptions.url ?? ''
  const path = request.url.split('?')[0] ?? ''
  if (!caller || isRead(method, route) || !route.startsWith(root)) return undefined
  const kind = route
    .slice(root.length)
    .split('/')
    .filter(part => part !== '' && !part.startsWith(':') && part !== '*' && !part.startsWith('$'))
    .join('/')
  const object = `${path.slice(root.length)}${status === 201 ? madeId(payload) : ''}`.slice(0, 300)
  return { caller, method, kind, object, status, remote }
}

const isRead = (method: string, route: string): boolean =>
  method === 'GET' || method === 'HEAD' || (method === 'POST' && READS.test(route))

const madeId = (payload: unknown): string => {
  if (typeof payload !== 'string') return ''
  const { id } = JSON.parse(payload) as { id?: unknown }
  return typeof id === 'string' ? `/${id}` : ''
}
