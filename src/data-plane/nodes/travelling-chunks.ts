import { idBytes, idText } from '#data-plane/chunks/chunk-index.ts'
import type { BatchedChunk, ChunkId, StoredBatch } from '#data-plane/chunks/chunk-store.ts'
import { MAX_CHUNK_BYTES } from '#data-plane/chunks/page-cut.ts'
import { WireBroken } from './wire.ts'

const COUNT_BYTES = 4
const RECORD_BYTES = 41
const SUM_BYTES = 32
/** Added to the encoding of a chunk that has its sum behind its record. */
const HAS_SUM = 2
/** How many chunks may be asked for at once. */
export const MOST_IDS = 4096

export const encodeIds = (ids: readonly ChunkId[]): Buffer => Buffer.concat(ids.map(id => idBytes(id)))

export const decodeIds = (bytes: Buffer): ChunkId[] => {
  if (bytes.length % 32 !== 0 || bytes.length > MOST_IDS * 32) throw new WireBroken('Impossible list of chunks.')
  return Array.from({ length: bytes.length / 32 }, (_, i) => idText(bytes, i * 32))
}

/**
 * Chunks as they lie in packs: `u32 how many`, for each `id, u8 encoding, u32 size, u32 stored size` and, for who takes sums, the sum if
 * there is one, then the stored bytes of all, one behind the other. Those are not copied: a batch is released when the next message is
 * asked for.
 */
export async function* encodeBatches(
  batches: AsyncIterable<StoredBatch>,
  withSums = false,
): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  for await (const batch of batches) {
    yield [encodeRecords(batch.chunks, withSums), batch.bytes]
    batch.release()
  }
}

const encodeRecords = (chunks: readonly BatchedChunk[], withSums: boolean): Buffer => {
  const records = Buffer.allocUnsafe(COUNT_BYTES + chunks.length * (RECORD_BYTES + SUM_BYTES))
  let at = records.writeUInt32LE(chunks.length)
  for (const { id, encoding, sizeBytes, storedBytes, sum } of chunks) {
    const sent = withSums ? sum : undefined
    records.write(id, at, 'hex')
    records.writeUInt8((encoding === 'zstd' ? 1 : 0) + (sent ? HAS_SUM : 0), at + 32)
    records.writeUInt32LE(sizeBytes, at + 33)
    at = records.writeUInt32LE(storedBytes, at + 37)
    if (!sent) continue
    records.set(sent, at)
    at += SUM_BYTES
  }
  return records.subarray(0, at)
}

/**
 * Reads a message that a stranger may have made; whoever uses the chunks checks their bytes. Sums count only where they were asked for.
 * `release` is what becomes of the message's memory, in which the batch lies.
 */
export const decodeBatch = (message: Buffer, withSums = false, release = () => {}): StoredBatch => {
  if (message.length < COUNT_BYTES) throw new WireBroken('A batch of chunks is torn.')
  const chunks: BatchedChunk[] = []
  let [at, start] = [COUNT_BYTES, 0]
  for (let left = message.readUInt32LE(0); left > 0; left--) {
    if (at + RECORD_BYTES > message.length) throw new WireBroken('A batch of chunks is torn.')
    const [kind, sizeBytes] = [message.readUInt8(at + 32), message.readUInt32LE(at + 33)]
    const [storedBytes, end] = [message.readUInt32LE(at + 37), at + RECORD_BYTES + (kind & HAS_SUM ? SUM_BYTES : 0)]
    if (kind > (withSums ? 1 + HAS_SUM : 1) || sizeBytes > MAX_CHUNK_BYTES || end > message.length)
      throw new WireBroken('A batch of chunks is malformed.')
    const sum = kind & HAS_SUM ? { sum: message.subarray(end - SUM_BYTES, end) } : {}
    chunks.push({ id: idText(message, at), encoding: kind & 1 ? 'zstd' : 'raw', sizeBytes, start, storedBytes, ...sum })
    ;[at, start] = [end, start + storedBytes]
  }
  if (at + start !== message.length) throw new WireBroken('A batch of chunks is malformed.')
  return { chunks, bytes: message.subarray(at), release }
}
