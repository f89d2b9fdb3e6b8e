import type { Clock } from '#foundation/clock.ts'
import { Failure } from '../failure.ts'
import type { AccessToken } from './access-token.ts'
import { type HttpAnswer, type HttpsClient, ServerUnreachable } from './https-client.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are read by path, as a client of any JSON API does.
export type Json = any

/** The server said no, or its work failed; the message is the server's own. */
export class ArmRefused extends Failure {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string, requestId?: string) {
    super(`${code}: ${message}`, requestId === undefined ? {} : { advice: `Request id ${requestId}` })
    this.status = status
    this.code = code
  }
}

export interface Wait {
  /** Called with each poll of the operation, with its percentage where it tells one. */
  onPoll?(percentComplete: number | undefined): void | Promise<void>
  readonly signal?: AbortSignal
  /** How long the answer to the first request may take, in ms; 0 for as long as it likes. */
  readonly silenceLimitMs?: number
}

/** A small client of the ARM dialect. Paths begin with `/`; long-running work is followed to its end. */
export interface ArmClient {
  get(path: string, query?: Record<string, string>): Promise<Json>
  /** `undefined` where nothing is. */
  find(path: string, query?: Record<string, string>): Promise<Json | undefined>
  /** Every member of a list, page by page. */
  list(path: string, query?: Record<string, string>): Promise<Json[]>
  /** The resource as it is once the work behind the PUT has succeeded. */
  put(path: string, body: Json, wait?: Wait): Promise<Json>
  patch(path: string, body: Json, wait?: Wait): Promise<Json>
  /** What the action answers at its end. */
  act(path: string, body?: Json, query?: Record<string, string>, wait?: Wait): Promise<Json>
  remove(path: string, wait?: Wait): Promise<void>
  /** A POST of JSON or bytes that is answered with bytes. */
  exchange(path: string, body: Json, query?: Record<string, string>, wait?: Wait): Promise<Buffer>
  /** What answers line by line, an action unless it is a GET; leaving the loop or aborting the signal ends it. */
  follow(path: string, query: Record<string, string>, wait?: Wait & { method?: 'GET' }): AsyncGenerator<Json>
}

export const apiVersion = '2024-03-03'
const defaultPollMs = 1000
const transientTries = 5

export interface ArmParts {
  readonly url: string
  readonly https: HttpsClient
  readonly token: AccessToken
  readonly clock: Clock
}

export const armClient = ({ url, https, token, clock }: ArmParts): ArmClient => {
  const once = async (method: string, target: string, body?: Json, wait: Wait = {}): Promise<HttpAnswer> =>
    await https.send({
      method,
      url: target,
      headers: {
        authorization: `Bearer ${await token.get()}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': typeOf(body) }),
      },
      ...(body !== undefined && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      ...(wait.signal && { signal: wait.signal }),
      ...(wait.silenceLimitMs !== undefined && { silenceLimitMs: wait.silenceLimitMs }),
    })

  /** Throttling, a token that ended and a server that restarts are waited out; refusals are thrown. */
  const send = async (method: string, target: string, body?: Json, wait: Wait = {}): Promise<HttpAnswer> => {
    const { signal } = wait
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === transientTries || signal?.aborted
      try {
        const answer = await once(method, target, body, wait)
        if (answer.status < 400) return answer
        if (answer.status === 401 && attempt === 1) token.forget()
        else if (![429, 503].includes(answer.status) || isLast) throw refusalOf(answer)
        else await clock.sleep(pauseMs(answer, attempt), signal)
      } catch (error) {
        if (!(error instanceof ServerUnreachable) || method !== 'GET' || isLast) throw error
        await clock.sleep(defaultPollMs * attempt, signal)
      }
    }
  }

  const follow = async (first: HttpAnswer, wait: Wait): Promise<void> => {
    const operation = headerOf(first, 'azure-asyncoperation')
    if (!operation) return
    let answer = first
    for (;;) {
      await clock.sleep(pauseMs(answer), wait.signal)
      wait.signal?.throwIfAborted()
      answer = await send('GET', operation, undefined, wait.signal ? { signal: wait.signal } : {})
      const record = jsonOf(answer)
      await wait.onPoll?.(record?.percentComplete)
      if (record?.status === 'Succeeded') return
      if (record?.status === 'Failed' || record?.status === 'Canceled') throw failureOf(record)
    }
  }

  const at = (path: string, query: Record<string, string> = {}): string =>
    `${url}${encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23')}?${new URLSearchParams({ 'api-version': apiVersion, ...query })}`

  const write = async (method: 'PUT' | 'PATCH', path: string, body: Json, wait: Wait = {}): Promise<Json> => {
    await follow(await send(method, at(path), body, wait), wait)
    return await client.get(path)
  }
  const client: ArmClient = {
    get: async (path, query) => jsonOf(await send('GET', at(path, query))),
    async find(path, query) {
      try {
        return await client.get(path, query)
      } catch (error) {
        if (error instanceof ArmRefused && error.status === 404) return undefined
        throw error
      }
    },
    async list(path, query) {
      const members: Json[] = []
      for (let next: string | undefined = at(path, query); next; ) {
        const page: Json = jsonOf(await send('GET', next))
        members.push(...page.value)
        next = page.nextLink ?? page['@odata.nextLink']
      }
      return members
    },
    put: (path, body, wait) => write('PUT', path, body, wait),
    patch: (path, body, wait) => write('PATCH', path, body, wait),
    async act(path, body, query, wait = {}) {
      const first = await send('POST', at(path, query), body, wait)
      const location = headerOf(first, 'location')
      if (first.status !== 202 || !location) return jsonOf(first)
      await follow(first, wait)
      return jsonOf(await send('GET', location))
    },
    async remove(path, wait = {}) {
      await follow(await send('DELETE', at(path), undefined, wait), wait)
    },
    exchange: async (path, body, query, wait) => (await send('POST', at(path, query), body, wait)).body,
    async *follow(path, query, { signal, silenceLimitMs, method = 'POST' } = {}) {
      const { status, headers, body } = await https.open({
        method,
        url: at(path, query),
        headers: { authorization: `Bearer ${await token.get()}` },
        ...(signal && { signal }),
        ...(silenceLimitMs !== undefined && { silenceLimitMs }),
      })
      if (status >= 400) throw refusalOf({ status, headers, body: Buffer.concat(await body.toArray()) })
      try {
        for await (const line of linesOf(body)) yield JSON.parse(line)
      } finally {
        body.destroy()
      }
    },
  }
  return client
}

const typeOf = (body: Json): string => (body instanceof Uint8Array ? 'application/octet-stream' : 'application/json')

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  for await (const part of body) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

const headerOf = (answer: HttpAnswer, name: string): string | undefined => {
  const value = answer.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** `retry-after-ms` is Azure's finer form of Retry-After, which counts seconds. */
const pauseMs = (answer: HttpAnswer, attempt = 1): number => {
  const fineMs = Number(headerOf(answer, 'retry-after-ms'))
  if (fineMs > 0) return fineMs
  const seconds = Number(headerOf(answer, 'retry-after'))
  return seconds > 0 ? seconds * 1000 : defaultPollMs * attempt
}

const jsonOf = (answer: HttpAnswer): Json => {
  if (answer.body.length === 0) return undefined
  try {
    return JSON.parse(answer.body.toString())
  } catch (cause) {
    throw new Failure('The server answered with something that is not JSON.', { cause })
  }
}

const refusalOf = (answer: HttpAnswer): ArmRefused => {
  let error: Json
  try {
    error = JSON.parse(answer.body.toString()).error
  } catch {}
  return new ArmRefused(
    answer.status,
    error?.code ?? String(answer.status),
    sentencesOf(error) || answer.body.toString().slice(0, 500),
    headerOf(answer, 'x-ms-request-id'),
  )
}

const failureOf = (record: Json): ArmRefused =>
  new ArmRefused(
    200,
    record.error?.code ?? record.status,
    sentencesOf(record.error) || `The operation ended as ${record.status}.`,
  )

/** The message and those of its details, each once. */
const sentencesOf = (error: Json): string => {
  const details: Json[] = Array.isArray(error?.details) ? error.details : []
  const all = [error?.message, ...details.map(detail => detail?.message)].filter(text => typeof text === 'string')
  return [...new Set(all)].join(' ')
}
