import { createHash } from 'node:crypto'
import { type BlobRequest, headerOf } from './blob-request.ts'
import { storageError } from './storage-error.ts'

/** The client went away in the middle of its request: nobody is left to answer. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted'
}

/** The announced length of a body that may have up to `maxBytes`. */
export const bodyLength = (request: BlobRequest, maxBytes: number): number => {
  const text = headerOf(request, 'content-length')
  if (text === undefined || headerOf(request, 'transfer-encoding') !== undefined)
    throw storageError.missingContentLength()
  const length = Number(text)
  if (!Number.isSafeInteger(length)) throw storageError.invalidHeader('content-length')
  if (length > maxBytes) throw storageError.bodyTooLarge(maxBytes)
  return length
}

/** The bytes of a request. */
export interface Body {
  /** The body in consecutive buffers of at most `segmentBytes`. Once. */
  segments(segmentBytes: number): AsyncIterable<Buffer>
  /** MD5 of the whole, base64; after the last segment. Throws when the request promised another one. */
  md5(): string
}

/** A body of `length` bytes, hashed while it is read. */
export const bodyOf = (request: BlobRequest, length: number): Body => {
  const promised = promisedMd5(request)
  const hash = createHash('md5')
  return {
    async *segments(segmentBytes) {
      let parts: Buffer[] = []
      let inParts = 0
      let done = 0
      const join = () => {
        const segment = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, inParts)
        hash.update(segment)
        done += inParts
        parts = []
        inParts = 0
        return segment
      }
      try {
        // A handler that stops in the middle still wants to answer on this connection.
        const pieces: AsyncIterable<Buffer> = request.body.iterator({ destroyOnReturn: false })
        for await (const piece of pieces) {
          let rest = piece
          while (inParts + rest.length >= segmentBytes) {
            const room = segmentBytes - inParts
            parts.push(rest.subarray(0, room))
            inParts += room
            rest = rest.subarray(room)
            yield join()
          }
          if (rest.length > 0) parts.push(rest)
          inParts += rest.length
        }
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ECONNRESET')
          throw new RequestAborted('The client went away.', { cause })
        throw cause
      }
      if (inParts > 0) yield join()
      if (done !== length) throw new RequestAborted(`The body ended after ${done} of ${length} bytes.`)
    },
    md5() {
      const digest = hash.digest()
      if (promised && !promised.equals(digest)) throw storageError.md5Mismatch()
      return digest.toString('base64')
    },
  }
}

const promisedMd5 = (request: BlobRequest): Buffer | undefined => {
  const text = headerOf(request, 'content-md5')
  if (text === undefined) return undefined
  if (!/^[A-Za-z0-9+/]{22}==$/.test(text)) throw storageError.invalidMd5()
  return Buffer.from(text, 'base64')
}

/** A whole small body, its MD5 checked. */
export const wholeBody = async (request: BlobRequest, maxBytes: number): Promise<Buffer> => {
  const length = bodyLength(request, maxBytes)
  const body = bodyOf(request, length)
  const parts: Buffer[] = []
  for await (const segment of body.segments(maxBytes)) parts.push(segment)
  body.md5()
  return Buffer.concat(parts)
}
