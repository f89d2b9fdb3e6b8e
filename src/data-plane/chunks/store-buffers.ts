import { BufferPool } from './buffer-pool.ts'
import { READ_BUFFER_BYTES, READS_AHEAD } from './chunk-reader.ts'
import type { HashWorkers } from './hash-workers.ts'
import { SEGMENT_BUFFER_BYTES, SEGMENTS_AHEAD } from './intake.ts'

/**
 * The big buffers of stores: as many as the threads keep busy. Stores of one process have them in common, or five regions would take
 * five times the memory of one. Who has a segment's buffer may wait for one to read into, and for nothing the other way round.
 */
export interface StoreBuffers {
  readonly segments: BufferPool
  readonly reads: BufferPool
}

export const storeBuffers = ({ count, allocate }: HashWorkers): StoreBuffers => ({
  segments: new BufferPool(count + SEGMENTS_AHEAD + 1, SEGMENT_BUFFER_BYTES, allocate),
  reads: new BufferPool(count + READS_AHEAD, READ_BUFFER_BYTES, allocate),
})
