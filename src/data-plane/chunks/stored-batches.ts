import type { BatchedChunk, ChunkId, ChunkSource, StoredBatch, StoredChunk } from './chunk-store.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'

/** What a batch takes; a single chunk never takes more. */
export const BATCH_BYTES = MAX_CHUNK_BYTES

/** What a source has of these chunks: unverified where it offers that. */
export const storedOf = (source: ChunkSource, ids: readonly ChunkId[]): AsyncIterable<StoredBatch> =>
  source.stored?.(ids) ?? inBatches(source.chunks(ids))

/**
 * Puts chunks together as they come, so many bytes or a single chunk in each batch. What has come is handed out before the failure of
 * what was to follow.
 */
export async function* inBatches(
  chunks: AsyncIterable<StoredChunk>,
  mostBytes = BATCH_BYTES,
): AsyncGenerator<StoredBatch> {
  let [waiting, bytes]: [StoredChunk[], number] = [[], 0]
  let failure: { error: unknown } | undefined
  try {
    for await (const chunk of chunks) {
      if (bytes + chunk.stored.length > mostBytes && waiting.length > 0) {
        yield batchOf(waiting)
        ;[waiting, bytes] = [[], 0]
      }
      waiting.push(chunk)
      bytes += chunk.stored.length
    }
  } catch (error) {
    failure = { error }
  }
  if (waiting.length > 0) yield batchOf(waiting)
  if (failure) throw failure.error
}

const batchOf = (chunks: readonly StoredChunk[]): StoredBatch => {
  let end = 0
  const placed = chunks.map(({ stored, ...chunk }): BatchedChunk => {
    const start = end
    end += stored.length
    return { ...chunk, start, storedBytes: stored.length }
  })
  return { chunks: placed, bytes: Buffer.concat(chunks.map(({ stored }) => stored)), release: () => {} }
}

/** The chunks of a batch that nobody releases. */
export const chunksIn = ({ chunks, bytes }: StoredBatch): StoredChunk[] =>
  chunks.map(({ start, storedBytes, ...chunk }) => ({ ...chunk, stored: bytes.subarray(start, start + storedBytes) }))
