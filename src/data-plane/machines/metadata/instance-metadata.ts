import type { AnswerMetadata } from '../machines.ts'
import { type GuestRequest, jsonReply, notFound, type Reply, textReply } from './reply.ts'

/** The versions of Azure's instance metadata that are served, the oldest first. */
export const metadataVersions = [
  '2017-03-01',
  '2017-04-02',
  '2017-08-01',
  '2017-10-01',
  '2017-12-01',
  '2018-02-01',
  '2018-04-02',
  '2018-10-01',
  '2019-02-01',
  '2019-03-11',
  '2019-04-30',
  '2019-06-01',
  '2019-06-04',
  '2019-08-01',
  '2019-08-15',
  '2019-11-01',
  '2020-06-01',
  '2020-07-15',
  '2020-09-01',
  '2020-10-01',
  '2020-12-01',
  '2021-01-01',
  '2021-02-01',
  '2021-03-01',
  '2021-05-01',
  '2021-08-01', // in no list of Azure's, but what cloud-init asks for first
  '2021-10-01',
  '2021-11-01',
  '2021-11-15',
  '2021-12-13',
] as const

/** Scheduled events are versioned by themselves. */
const eventVersions = ['2017-08-01', '2017-11-01', '2019-01-01', '2019-04-01', '2019-08-01', '2020-07-01'] as const

const refused = (error: string, more: object = {}) => jsonReply(400, { error: `Bad request. ${error}`, ...more })

/** What Azure demands of every request, so that a page or a proxy that can be made to fetch an address learns nothing. */
const refusal = ({ method, headers }: GuestRequest): Reply | undefined => {
  if (headers['x-forwarded-for'] !== undefined) return refused('Requests with an X-Forwarded-For header are not served')
  if (String(headers.metadata).toLowerCase() !== 'true') return refused('Required metadata header not specified')
  return method === 'GET' ? undefined : jsonReply(405, { error: 'Method not allowed' })
}

const wrongVersion = (versions: readonly string[]) =>
  refused(
    'api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds',
    { 'newest-versions': versions.slice(-3).reverse() },
  )

/**
 * A request below /metadata, by Azure's rules. The document itself, tokens and attestations come from `answer`; taking the document
 * apart is done here.
 */
export const answerMetadata = async (
  machineId: string,
  request: GuestRequest,
  answer: AnswerMetadata,
): Promise<Reply> => {
  const refusedAs = refusal(request)
  if (refusedAs) return refusedAs
  const [, , category = '', ...rest] = request.path.replace(/\/+$/, '').split('/')
  if (category === 'versions' && rest.length === 0) return jsonReply(200, { apiVersions: metadataVersions })
  const ask = async (path: string) => (await answer(machineId, { path, query: request.query })) ?? notFound
  // Tokens have versions of their own, which whoever makes them knows.
  if (category === 'identity') return ask(`/metadata/identity/${rest.join('/')}`)
  const versions: readonly string[] = category === 'scheduledevents' ? eventVersions : metadataVersions
  if (!versions.includes(request.query.get('api-version') ?? '')) return wrongVersion(versions)
  if (category === 'instance') return instance(await ask('/metadata/instance'), rest, request.query)
  if (category === 'attested' && rest.join('/') === 'document') return ask('/metadata/attested/document')
  // No machine of ours is ever told beforehand of maintenance: nothing is scheduled, and the incarnation stays what it is.
  if (category === 'scheduledevents' && rest.length === 0) return jsonReply(200, { DocumentIncarnation: 1, Events: [] })
  return notFound
}

const instance = (whole: Reply, path: readonly string[], query: URLSearchParams): Reply => {
  if (whole.status !== 200) return whole
  const format = query.get('format')?.toLowerCase() ?? 'json'
  if (format !== 'json' && format !== 'text') return refused('format must be json or text')
  const found = path.reduce<unknown>(child, JSON.parse(String(whole.body)))
  if (found === undefined) return notFound
  const isLeaf = typeof found !== 'object' || found === null
  if (format === 'json') return isLeaf ? refused('A leaf is served with format=text only') : jsonReply(200, found)
  return textReply(200, isLeaf ? String(found ?? '') : listing(found))
}

/** Names are found whatever their case, items of a list by their number. Nothing is found that the document does not hold itself. */
const child = (parent: unknown, name: string): unknown => {
  if (typeof parent !== 'object' || parent === null) return undefined
  if (Array.isArray(parent)) return /^\d{1,4}$/.test(name) ? parent[Number(name)] : undefined
  const key = Object.keys(parent).find(each => each.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : (parent as Record<string, unknown>)[key]
}

/** A line for each child, with a slash behind those that have children. */
const listing = (parent: object): string =>
  Object.entries(parent)
    .map(([name, value]) => (typeof value === 'object' && value !== null ? `${name}/` : name))
    .join('\n')
