import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { Log } from '#foundation/log.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { HostedStore } from './store-calls.ts'

const PART_BYTES = 1024 * 1024

/** Answers a GET or HEAD of an image's bytes, the whole or one range, every chunk verified as it is read. */
export const sendImage = async (
  request: IncomingMessage,
  response: ServerResponse,
  hosted: HostedStore,
  manifest: string,
  log: Log,
): Promise<void> => {
  let bytes: SparseBytes | undefined
  try {
    bytes = await hosted.run(store => store.open(manifest as ManifestId))
    const { sizeBytes } = bytes
    const range = rangeOf(request.headers.range, sizeBytes)
    if (range === 'outside') {
      response.writeHead(416, { 'content-range': `bytes */${sizeBytes}` }).end()
      return
    }
    const [from, to] = range ?? [0, sizeBytes]
    response.writeHead(range ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': to - from,
      'accept-ranges': 'bytes',
      etag: `"${manifest}"`,
      ...(range && { 'content-range': `bytes ${from}-${to - 1}/${sizeBytes}` }),
    })
    if (request.method === 'HEAD') response.end()
    else await pipeline(partsOf(hosted, bytes, from, to), response)
  } catch (error) {
    if (response.headersSent) return void response.destroy()
    if (!(error instanceof ManifestMissing)) log.warn('an image could not be read', { manifest, error })
    response.writeHead(error instanceof ManifestMissing ? 404 : 503).end()
  } finally {
    await bytes?.close()
  }
}

async function* partsOf(hosted: HostedStore, bytes: SparseBytes, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += PART_BYTES) {
    const part = Buffer.alloc(Math.min(PART_BYTES, to - at))
    await hosted.run(() => bytes.read(at, part))
    yield part
  }
}

/** `[from, to)` of a Range header with one range; undefined for one that is to be ignored (RFC 9110, section 14.2). */
const rangeOf = (header: string | undefined, sizeBytes: number): readonly [number, number] | 'outside' | undefined => {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first)
  const to = first === '' || last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  return from < to ? [from, to] : 'outside'
}
