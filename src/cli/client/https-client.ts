import * as http from 'node:http'
import * as https from 'node:https'
import { Failure } from '../failure.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly signal?: AbortSignal
  /** How long the server may be silent, in ms; 0 for as long as it likes. */
  readonly silenceLimitMs?: number
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** Nobody answers where the server should be, or the line broke. */
export class ServerUnreachable extends Failure {
  constructor(url: string, cause: unknown) {
    const reason = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause)
    super(`No answer from ${new URL(url).origin} (${reason}).`, {
      advice: isMistrust(reason)
        ? "The certificate is not the server's own, or of another server: OPENGALLERY_CA must name the server's ca.pem."
        : 'Is the server running? Start it with `opengallery start`, and name its data folder with --data.',
      cause,
    })
  }
}

/** Somebody answered, and was not believed: the codes of OpenSSL and Node for a certificate that does not prove who it is. */
const isMistrust = (reason: string): boolean => /CERT|SIGNATURE|ISSUER|ALTNAME/.test(reason)

/** An answer whose body comes as long as the server likes. */
export interface OpenAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: http.IncomingMessage
}

/** Kept connections that trust one certificate authority beside the machine's own. */
export interface HttpsClient {
  send(request: HttpRequest): Promise<HttpAnswer>
  /** Resolves with the head of the answer; errors of the body are those of its stream. */
  open(request: HttpRequest): Promise<OpenAnswer>
  close(): void
}

const maxAnswerBytes = 64 * 1024 * 1024
const usualSilenceMs = 120_000

/** Node's own fetch can't be told of a certificate authority at run time, so this is node:https. */
export const httpsClient = (ca: string | undefined, maxConnections = 16): HttpsClient => {
  const options = { keepAlive: true, maxSockets: maxConnections }
  const secure = new https.Agent({ ...options, ...(ca !== undefined && { ca }) })
  const plain = new http.Agent(options)
  const agentOf = ({ url }: HttpRequest) => (url.startsWith('http:') ? plain : secure)
  return {
    send: request => sendOver(request, agentOf(request)),
    open: request => openOver(request, agentOf(request)),
    close() {
      secure.destroy()
      plain.destroy()
    },
  }
}

const sendOver = async (asked: HttpRequest, agent: http.Agent): Promise<HttpAnswer> => {
  const { status, headers, body } = await openOver(asked, agent)
  const parts: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      sizeBytes += part.length
      if (sizeBytes > maxAnswerBytes) throw new Error('an answer beyond all measure')
      parts.push(part)
    }
  } catch (error) {
    throw asked.signal?.aborted ? error : new ServerUnreachable(asked.url, error)
  }
  return { status, headers, body: Buffer.concat(parts) }
}

const openOver = (asked: HttpRequest, agent: http.Agent): Promise<OpenAnswer> =>
  new Promise((resolve, reject) => {
    const { method, url, headers = {}, body, signal, silenceLimitMs = usualSilenceMs } = asked
    const open = url.startsWith('http:') ? http.request : https.request
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const request = open(url, { method, agent, headers: { ...headers, ...length }, ...(signal && { signal }) })
    request.setTimeout(silenceLimitMs, () => request.destroy(new Error(`silent for ${silenceLimitMs / 1000} seconds`)))
    request.on('error', error => reject(signal?.aborted ? error : new ServerUnreachable(url, error)))
    request.on('response', response =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
    )
    request.end(body)
  })
