import { lookup } from 'node:dns/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { isAllowedHost } from './allowed-host.ts'
import { isPublicAddress } from './public-address.ts'

const blockBytes = 4 * 2 ** 20
const keptBlocks = 4
const maxSizeBytes = 64 * 2 ** 40
const maxRedirects = 5
const maxAttempts = 4
const firstDelayMs = 500
const answerTimeoutMs = 60_000

/** The URL, or a place that it leads on to, is none of those from which files may be fetched. */
export class HostNotAllowed extends Error {
  override readonly name = 'HostNotAllowed'
  readonly host: string
  constructor(host: string, reason: string) {
    super(`Files may not be fetched from '${host}': ${reason}.`)
    this.host = host
  }
}

/** The file could not be read; the URL stands without its query, which may carry a signature. */
export class RemoteFileFailed extends Error {
  override readonly name = 'RemoteFileFailed'
  readonly url: string
  readonly reason: string
  /** Whether the next attempt may go better. */
  readonly transient: boolean
  constructor(url: URL, reason: string, more: { transient?: boolean; cause?: unknown } = {}) {
    super(`${url.origin}${url.pathname} could not be read: ${reason}.`, { cause: more.cause })
    this.url = `${url.origin}${url.pathname}`
    this.reason = reason
    this.transient = more.transient ?? false
  }
}

export interface RemotePolicy {
  /** Hosts that may be asked, as `isAllowedHost` reads them. */
  readonly allowedHosts: readonly string[]
}

/** How hosts are found and reached. The default is the Internet; whoever replaces it answers for the addresses it allows. */
export interface Network {
  readonly clock: Clock
  resolve(host: string): Promise<readonly string[]>
  isReachable(address: string): boolean
  /** Certificates trusted beside the system's. */
  readonly certificateAuthority?: string
}

export const internet: Network = {
  clock: systemClock,
  resolve: async host => (await lookup(host, { all: true, verbatim: true })).map(answer => answer.address),
  isReachable: isPublicAddress,
}

interface Answer {
  readonly body: Buffer
  readonly offset: number
  readonly totalBytes: number
  readonly etag: string | undefined
}

/**
 * A file on another server, read by ranges as its bytes are wanted. Only hosts of the policy are asked, only at public addresses
 * (each name is looked up once, every answer is checked, and the connection goes to the checked address), and every redirect
 * passes the same checks. Nothing of this server's identity is sent along.
 */
export const openRemoteFile = async (
  url: string,
  policy: RemotePolicy,
  signal?: AbortSignal,
  network: Network = internet,
): Promise<SparseBytes> => {
  const start = parseUrl(url)
  const connection = connect(policy, network, signal)
  try {
    const first = await connection.range(start, 0, 1)
    return remoteBytes(start, first, connection)
  } catch (error) {
    connection.close()
    throw error
  }
}

const remoteBytes = (url: URL, first: Answer, connection: Connection): SparseBytes => {
  const { totalBytes: sizeBytes, etag } = first
  const blocks = new Map<number, Promise<Buffer>>()
  const fetchBlock = async (index: number): Promise<Buffer> => {
    const offset = index * blockBytes
    const answer = await connection.range(url, offset, Math.min(blockBytes, sizeBytes - offset))
    if (answer.totalBytes !== sizeBytes || answer.etag !== etag)
      throw new RemoteFileFailed(url, 'it was changed while it was being read')
    return answer.body
  }
  const block = (index: number): Promise<Buffer> => {
    const known = blocks.get(index)
    if (known) return known
    const fetched = fetchBlock(index)
    blocks.set(index, fetched)
    fetched.catch(() => blocks.delete(index))
    const oldest = blocks.keys().next()
    if (blocks.size > keptBlocks && !oldest.done) blocks.delete(oldest.value)
    return fetched
  }
  return {
    sizeBytes,
    async *extents() {
      yield { offset: 0, length: sizeBytes }
    },
    async read(offset, target) {
      requireRange(offset, target.length, sizeBytes)
      let done = 0
      while (done < target.length) {
        const at = offset + done
        const bytes = await block(Math.floor(at / blockBytes))
        const part = bytes.subarray(at % blockBytes, (at % blockBytes) + target.length - done)
        target.set(part, done)
        done += part.length
      }
    },
    close: async () => connection.close(),
  }
}

interface Connection {
  /** Exactly these bytes; tried again when the fault may pass. */
  range(url: URL, offset: number, length: number): Promise<Answer>
  close(): void
}

const connect = (policy: RemotePolicy, network: Network, signal: AbortSignal | undefined): Connection => {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: 4 }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: 4, minVersion: 'TLSv1.2' }),
  }
  const pinned = new Map<string, Promise<string>>()
  const addressOf = (url: URL): Promise<string> => {
    if (!isAllowedHost(url, policy.allowedHosts))
      throw new HostNotAllowed(url.host, 'it is not on the list of allowed hosts')
    const host = url.hostname
    const known = pinned.get(host) ?? checkedAddress(host, url, network)
    pinned.set(host, known)
    known.catch(() => pinned.delete(host))
    return known
  }
  const once = async (url: URL, offset: number, length: number): Promise<Answer> => {
    let at = url
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const address = await addressOf(at)
      const answer = await ask({ url: at, address, offset, length, agents, network, signal })
      if (!(answer instanceof URL)) return answer
      at = answer
    }
    throw new RemoteFileFailed(url, `more than ${maxRedirects} redirects`)
  }
  return {
    range: (url, offset, length) => retried(network.clock, signal, () => once(url, offset, length)),
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

const checkedAddress = async (host: string, url: URL, network: Network): Promise<string> => {
  const literal = host.replace(/^\[|\]$/g, '')
  const addresses = isIP(literal) ? [literal] : await resolved(literal, url, network)
  // One forbidden answer among good ones is how a name is made to point inside: the whole name is refused.
  if (addresses.some(address => !network.isReachable(address)))
    throw new HostNotAllowed(host, 'it has an address that is not public')
  return addresses[0] as string
}

const resolved = async (host: string, url: URL, network: Network): Promise<readonly string[]> => {
  const addresses = await network.resolve(host).catch((cause: unknown) => {
    throw new RemoteFileFailed(url, 'the name of its host could not be resolved', { transient: true, cause })
  })
  if (addresses.length === 0) throw new RemoteFileFailed(url, 'its host has no address')
  return addresses
}

const retried = async (clock: Clock, signal: AbortSignal | undefined, work: () => Promise<Answer>): Promise<Answer> => {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof RemoteFileFailed && error.transient) || attempt === maxAttempts) throw error
      await clock.sleep(firstDelayMs * 2 ** (attempt - 1), signal)
    }
  }
}

interface Question {
  readonly url: URL
  readonly address: string
  readonly offset: number
  readonly length: number
  readonly agents: { 'http:': http.Agent; 'https:': https.Agent }
  readonly network: Network
  readonly signal: AbortSignal | undefined
}

/** One request to the checked address: the bytes, or where to ask instead. */
const ask = async (question: Question): Promise<Answer | URL> => {
  const { url, signal } = question
  const patience = AbortSignal.timeout(answerTimeoutMs)
  const stop = signal ? AbortSignal.any([signal, patience]) : patience
  try {
    const response = await send(question, stop)
    return await answerOf(question, response)
  } catch (error) {
    if (signal?.aborted || error instanceof RemoteFileFailed || error instanceof HostNotAllowed) throw error
    const reason = patience.aborted ? 'its server did not answer in time' : `its server broke off (${codeOf(error)})`
    throw new RemoteFileFailed(url, reason, { transient: true, cause: error })
  }
}

const codeOf = (error: unknown): string =>
  String((error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown fault'))

const send = ({ url, address, offset, length, agents, network }: Question, signal: AbortSignal) =>
  new Promise<http.IncomingMessage>((resolve, reject) => {
    const protocol = url.protocol as keyof typeof agents
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const request = (protocol === 'https:' ? https : http).request(
      {
        host: address,
        port: url.port || (protocol === 'https:' ? 443 : 80),
        path: `${url.pathname}${url.search}`,
        agent: agents[protocol],
        signal,
        ...(isIP(host) ? {} : { servername: host }),
        ...(network.certificateAuthority ? { ca: network.certificateAuthority } : {}),
        headers: {
          host: url.host,
          range: `bytes=${offset}-${offset + length - 1}`,
          'accept-encoding': 'identity',
          'user-agent': 'opengallery',
        },
      },
      resolve,
    )
    request.on('error', reject)
    request.end()
  })

const answerOf = async ({ url, offset, length }: Question, response: http.IncomingMessage): Promise<Answer | URL> => {
  const status = response.statusCode ?? 0
  if (status !== 206) response.destroy()
  if ([301, 302, 303, 307, 308].includes(status)) return parseUrl(response.headers.location ?? '', url)
  if (status === 200 || status === 416)
    throw new RemoteFileFailed(url, status === 416 ? 'it is empty' : 'its server does not serve ranges')
  if (status !== 206)
    throw new RemoteFileFailed(url, `its server answered ${status}`, { transient: status === 429 || status >= 500 })
  const totalBytes = totalOf(response.headers['content-range'], offset, length)
  if (totalBytes === undefined || (response.headers['content-encoding'] ?? 'identity') !== 'identity') {
    response.destroy()
    throw new RemoteFileFailed(url, 'its server answered with another range than it was asked for')
  }
  return { body: await bodyOf(url, response, length), offset, totalBytes, etag: response.headers.etag }
}

const totalOf = (header: string | undefined, offset: number, length: number): number | undefined => {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header ?? '') ?? []
  const matches = Number(first) === offset && Number(last) === offset + length - 1
  return matches && Number(total) <= maxSizeBytes && Number(last) < Number(total) ? Number(total) : undefined
}

const bodyOf = async (url: URL, response: http.IncomingMessage, length: number): Promise<Buffer> => {
  const body = Buffer.allocUnsafe(length)
  let done = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    if (done + part.length > length) throw new RemoteFileFailed(url, 'its server sent more than it was asked for')
    body.set(part, done)
    done += part.length
  }
  if (done < length) throw new RemoteFileFailed(url, 'its server sent less than it was asked for', { transient: true })
  return body
}

const parseUrl = (text: string, base?: URL): URL => {
  const url = URL.parse(text, base?.href)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new HostNotAllowed(url?.protocol ?? (text === '' ? 'an empty address' : 'no URL'), 'it is no web address')
  if (url.username || url.password) throw new HostNotAllowed(url.host, 'its URL carries a user name or password')
  return url
}
