import { idBytes, idText } from '#data-plane/chunks/chunk-index.ts'
import type { ChunkId, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { MAX_CHUNK_BYTES } from '#data-plane/chunks/page-cut.ts'
import { WireBroken } from './wire.ts'

const HEAD_BYTES = 41
const SUM_BYTES = 32
/** Added to the encoding of a chunk that has its sum in front of its bytes. */
const HAS_SUM = 2
const BATCH_BYTES = 1024 * 1024
/** How many chunks may be asked for at once. */
export const MOST_IDS = 4096

export const encodeIds = (ids: readonly ChunkId[]): Buffer => Buffer.concat(ids.map(id => idBytes(id)))

export const decodeIds = (bytes: Buffer): ChunkId[] => {
  if (bytes.length % 32 !== 0 || bytes.length > MOST_IDS * 32) throw new WireBroken('Impossible list of chunks.')
  return Array.from({ length: bytes.length / 32 }, (_, i) => idText(bytes, i * 32))
}

/**
 * Chunks as they lie in packs, each behind `id, u8 encoding, u32 size, u32 stored size` and, for who takes sums, the sum if there is
 * one, about a mebibyte at a time. A batch is good until the next is asked for, which may take its memory: a gibibyte of buffers to
 * collect would take longer than to send it.
 */
export async function* encodeChunks(chunks: AsyncIterable<StoredChunk>, withSums = false): AsyncGenerator<Buffer> {
  let batch: Buffer = Buffer.alloc(0)
  let length = 0
  for await (const { id, encoding, sizeBytes, stored, sum } of chunks) {
    const sent = withSums ? sum : undefined
    const start = length + HEAD_BYTES + (sent ? SUM_BYTES : 0)
    const end = start + stored.length
    if (end > batch.length) batch = grown(batch.subarray(0, length), end)
    batch.write(id, length, 'hex')
    batch.writeUInt8((encoding === 'zstd' ? 1 : 0) + (sent ? HAS_SUM : 0), length + 32)
    batch.writeUInt32LE(sizeBytes, length + 33)
    batch.writeUInt32LE(stored.length, length + 37)
    if (sent) batch.set(sent, length + HEAD_BYTES)
    batch.set(stored, start)
    length = end
    if (length < BATCH_BYTES) continue
    yield batch.subarray(0, length)
    length = 0
  }
  if (length > 0) yield batch.subarray(0, length)
}

/** A few chunks get little room; many get enough for the largest one to end a batch. */
const grown = (begun: Uint8Array, leastBytes: number): Buffer => {
  const room = leastBytes <= BATCH_BYTES / 4 ? BATCH_BYTES / 4 : BATCH_BYTES + HEAD_BYTES + SUM_BYTES + MAX_CHUNK_BYTES
  const batch = Buffer.allocUnsafeSlow(Math.max(leastBytes, room)) // nothing beyond what is filled is given away
  batch.set(begun)
  return batch
}

/** Reads a batch that a stranger may have made; whoever uses the chunks checks their bytes. Sums count only where they were asked for. */
export const decodeChunks = (batch: Buffer, withSums = false): StoredChunk[] => {
  const chunks: StoredChunk[] = []
  for (let at = 0; at < batch.length; ) {
    if (at + HEAD_BYTES > batch.length) throw new WireBroken('A batch of chunks is torn.')
    const [kind, sizeBytes] = [batch.readUInt8(at + 32), batch.readUInt32LE(at + 33)]
    const start = at + HEAD_BYTES + (kind & HAS_SUM ? SUM_BYTES : 0)
    const end = start + batch.readUInt32LE(at + 37)
    if (kind > (withSums ? 1 + HAS_SUM : 1) || sizeBytes > MAX_CHUNK_BYTES || end > batch.length)
      throw new WireBroken('A batch of chunks is malformed.')
    const stored = batch.subarray(start, end)
    const sum = kind & HAS_SUM ? { sum: batch.subarray(start - SUM_BYTES, start) } : {}
    chunks.push({ id: idText(batch, at), encoding: kind & 1 ? 'zstd' : 'raw', sizeBytes, stored, ...sum })
    at = end
  }
  return chunks
}
