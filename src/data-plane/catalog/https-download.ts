import type { IncomingMessage } from 'node:http'
import * as https from 'node:https'

/** A file could not be had from a vendor's server. */
export class DownloadFailed extends Error {
  override readonly name = 'DownloadFailed'
  /** Whether the next attempt may go better. */
  readonly transient: boolean
  constructor(url: URL, reason: string, more: { transient?: boolean; cause?: unknown } = {}) {
    super(`${url.origin}${url.pathname} could not be fetched: ${reason}.`, { cause: more.cause })
    this.transient = more.transient ?? false
  }
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a server sends, from some byte on. */
export interface Download {
  readonly url: URL
  /** Where it begins: 0 when the server does not know how to go on in the middle. */
  readonly offset: number
  /** Of the whole file, if the server says so. */
  readonly totalBytes: number | undefined
  readonly lastModified: Date | undefined
  readonly body: AsyncIterable<Buffer>
  /** Lets go of a body that nobody reads to its end. */
  close(): void
}

const maxRedirects = 5
const silenceMs = 60_000

/**
 * Asks for a file from `offset` on, and for all of it where it does not reach so far: what was there before is then as long as the file, or
 * none of it. Redirects are followed to https addresses alone. Throws `DownloadFailed`.
 */
export const startDownload = async (text: string, offset: number, options: DownloadOptions): Promise<Download> => {
  let url = httpsUrl(text)
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await ask(url, offset, options)
    const status = response.statusCode ?? 0
    if (status === 416 && offset > 0) {
      response.destroy()
      return await startDownload(text, 0, options)
    }
    if (![301, 302, 303, 307, 308].includes(status)) return answerOf(url, offset, response)
    response.destroy()
    url = httpsUrl(response.headers.location ?? '', url)
  }
  throw new DownloadFailed(url, `more than ${maxRedirects} redirects`)
}

const httpsUrl = (text: string, base?: URL): URL => {
  const url = URL.parse(text, base?.href)
  if (!url) throw new DownloadFailed(base ?? new URL('https://unknown'), `'${text.slice(0, 100)}' is no address`)
  if (url.protocol !== 'https:')
    throw new DownloadFailed(url, `only https is trusted, not ${url.protocol.slice(0, -1)}`)
  if (url.username || url.password) throw new DownloadFailed(url, 'the address carries a user name or password')
  return url
}

const ask = (url: URL, offset: number, { signal }: DownloadOptions): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = https.get(
      url,
      {
        ...(signal && { signal }),
        minVersion: 'TLSv1.2',
        timeout: silenceMs,
        headers: {
          'accept-encoding': 'identity',
          'user-agent': 'opengallery',
          ...(offset > 0 && { range: `bytes=${offset}-` }),
        },
      },
      resolve,
    )
    request.once('timeout', () => request.destroy(new Error(`silent for ${silenceMs / 1000} seconds`)))
    request.once('error', cause => reject(signal?.aborted ? signal.reason : brokenOff(url, cause)))
  })

const brokenOff = (url: URL, cause: unknown): DownloadFailed => {
  const { code, message } = cause as NodeJS.ErrnoException
  // Neither a certificate that nobody trusts nor a name that nobody knows is better a second later.
  const isFinal = /CERT|SIGNED|UNABLE_TO|^ERR_TLS|^ENOTFOUND$/.test(code ?? '')
  return new DownloadFailed(url, code ?? message, { transient: !isFinal, cause })
}

const answerOf = (url: URL, wantedOffset: number, response: IncomingMessage): Download => {
  const status = response.statusCode ?? 0
  const [, first, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(response.headers['content-range'] ?? '') ?? []
  const isPart = status === 206 && Number(first) === wantedOffset
  if (status !== 200 && !isPart) {
    response.destroy()
    throw new DownloadFailed(url, `its server answered ${status}`, { transient: status === 429 || status >= 500 })
  }
  const length = response.headers['content-length']
  const modified = new Date(response.headers['last-modified'] ?? '')
  return {
    url,
    offset: isPart ? wantedOffset : 0,
    totalBytes: isPart ? Number(total) : length === undefined ? undefined : Number(length),
    lastModified: Number.isNaN(modified.getTime()) ? undefined : modified,
    body: bodyOf(url, response),
    close: () => response.destroy(),
  }
}

async function* bodyOf(url: URL, response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const part of response as AsyncIterable<Buffer>) yield part
  } catch (cause) {
    throw brokenOff(url, cause)
  }
}
