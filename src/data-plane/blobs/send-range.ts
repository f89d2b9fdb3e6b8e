import { createHash } from 'node:crypto'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { type BlobRequest, headerOf, type Reply } from './blob-request.ts'
import { readRange } from './byte-range.ts'
import { storageError } from './storage-error.ts'

const pieceBytes = 1024 * 1024
const maxHashedRange = 4 * 1024 * 1024

/** What is said about a blob whichever way its bytes are read. */
export interface Described {
  readonly headers: Readonly<Record<string, string>>
  readonly md5?: string | undefined
}

/** Answers Get Blob: the whole or a range, streamed; the bytes are closed when the last one is sent or the client is gone. */
export const sendRange = async (
  request: BlobRequest,
  described: Described,
  sizeBytes: number,
  open: () => Promise<SparseBytes>,
): Promise<Reply> => {
  const range = readRange(request, sizeBytes)
  const { start, end } = range ?? { start: 0, end: sizeBytes }
  const wantsMd5 = headerOf(request, 'x-ms-range-get-content-md5')?.toLowerCase() === 'true'
  if (wantsMd5 && (!range || end - start > maxHashedRange))
    throw storageError.invalidHeader('x-ms-range-get-content-md5', 'It needs a range of at most 4 MiB.')
  const bytes = await open()
  const headers: Record<string, string> = { ...described.headers, 'content-length': String(end - start) }
  if (range) headers['content-range'] = `bytes ${start}-${end - 1}/${sizeBytes}`
  if (described.md5) headers[range ? 'x-ms-blob-content-md5' : 'content-md5'] = described.md5
  if (wantsMd5) headers['content-md5'] = await md5Of(bytes, start, end)
  return { status: range ? 206 : 200, headers, body: await streamed(piecesOf(bytes, start, end), () => bytes.close()) }
}

const md5Of = async (bytes: SparseBytes, start: number, end: number): Promise<string> => {
  try {
    const piece = Buffer.alloc(end - start)
    await bytes.read(start, piece)
    return createHash('md5').update(piece).digest('base64')
  } catch (error) {
    await bytes.close()
    throw error
  }
}

async function* piecesOf(bytes: SparseBytes, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += pieceBytes) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, end - at))
    await bytes.read(at, piece)
    yield piece
  }
}

/**
 * Reads the first piece at once: what can't be read at all is an error reply, not a broken stream. Unlike a generator's `finally`,
 * `return` closes the bytes also when nobody has asked for a piece yet.
 */
export const streamed = async <T>(pieces: AsyncGenerator<T>, close: () => Promise<void>): Promise<AsyncIterable<T>> => {
  let closed: Promise<void> | undefined
  const closeOnce = () => (closed ??= close())
  const step = async (): Promise<IteratorResult<T>> => {
    try {
      const next = await pieces.next()
      if (next.done) await closeOnce()
      return next
    } catch (error) {
      await closeOnce()
      throw error
    }
  }
  let first: IteratorResult<T> | undefined = await step()
  const iterator: AsyncIterableIterator<T> = {
    async next() {
      const ready = first
      first = undefined
      return ready ?? (await step())
    },
    async return() {
      await closeOnce()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
