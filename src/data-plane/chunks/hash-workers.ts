import { availableParallelism } from 'node:os'
import { loadNative } from '#data-plane/native/load-native.ts'
import { type ChunkKernel, ITEM_FIELDS, totalOf } from './chunk-kernel.ts'
import type { HashThreads } from './hash-threads.ts'
import { fastestKernel } from './native-kernel.ts'
import { nativeThreads } from './native-threads.ts'
import { scriptThreads } from './script-threads.ts'

/** The heavy arithmetic of a store, off the main thread. */
export interface HashWorkers extends HashThreads {
  readonly count: number
  /** The same arithmetic in the calling thread, for work that is too small to wait for another one. */
  readonly kernel: ChunkKernel
}

/** The same work in the calling thread: for simulations, and for tests that would wait longer for a thread than for the work. */
export const hashInThread = (kernel = fastestKernel()): HashWorkers => ({
  count: 1,
  kernel,
  allocate: sizeBytes => new Uint8Array(sizeBytes),
  split: async (...given) => kernel.split(...given),
  squeeze: async (...given) => kernel.squeezeRanges(...given),
  unsqueeze: async (...given) => kernel.unsqueezeRanges(...given),
  unpack: async (...given) => kernel.unpack(...given),
  close: async () => {},
})

/** Below this a message to a thread costs more than the work. */
const SMALL_BYTES = 64 * 1024
/** Each has segments to work on, and an own heap in JavaScript: with more of them a publish would take over 256 MiB. */
const MOST_THREADS = 6

/**
 * Starts threads that split, hash, compress and check chunks: the native kernel's own where it was built. Close them when the last store
 * is closed.
 */
export const startHashWorkers = (
  count = Math.min(availableParallelism(), MOST_THREADS),
  native = loadNative(),
): HashWorkers => {
  const threads = typeof native === 'string' ? scriptThreads(count) : nativeThreads(native, count)
  const here = hashInThread(fastestKernel(native))
  const sharesOf = (sizeBytes: number) => (sizeBytes <= SMALL_BYTES ? here : threads)
  return {
    count,
    kernel: here.kernel,
    allocate: threads.allocate,
    split: (...given) => sharesOf(given[2] - given[1]).split(...given),
    squeeze: (...given) => sharesOf(totalOf(given[1], 1, 2)).squeeze(...given),
    unsqueeze: (...given) => sharesOf(totalOf(given[1], 2, ITEM_FIELDS)).unsqueeze(...given),
    unpack: (...given) => threads.unpack(...given), // it may wait for a disk
    close: () => threads.close(),
  }
}
