import type { Native } from '#data-plane/native/load-native.ts'
import type { HashThreads } from './hash-threads.ts'
import { nativeCalls } from './native-kernel.ts'
import { PAGE_BYTES } from './page-cut.ts'

interface Job {
  /** What the thread works on, kept while it does. */
  readonly given: unknown
  settle(answer: number): void
  reject(error: unknown): void
}

/**
 * A buffer that begins where a page of memory does. An allocator puts a large block 16 bytes behind one; the copy from the system's
 * pages to there takes a Zen 3 three times as long, because it compares the last 12 bits of addresses to see what overlaps.
 */
const pageAligned = (native: Native, sizeBytes: number): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes + PAGE_BYTES)
  const start = (PAGE_BYTES - native.misalignment(bytes)) % PAGE_BYTES
  return bytes.subarray(start, start + sizeBytes)
}

/** Threads of the native kernel: each call goes to the next that is free. */
export const nativeThreads = (native: Native, count: number): HashThreads => {
  const jobs = new Map<number, Job>()
  let last = 0
  const pool = native.startThreads(count, (id, answer, refusal) => {
    const job = jobs.get(id)
    jobs.delete(id)
    if (refusal === undefined) job?.settle(answer)
    else job?.reject(new RangeError(refusal))
  })
  const closed = () => new Error('The hash workers were closed.')
  let isClosed = false
  const ask = <Given, Found>(
    { given, found }: { readonly given: Given; readonly found: (answer: number) => Found },
    give: (id: number, given: Given) => void,
  ): Promise<Found> =>
    new Promise((resolve, reject) => {
      if (isClosed) return reject(closed())
      const id = ++last
      give(id, given)
      jobs.set(id, { given, settle: answer => resolve(found(answer)), reject })
    })
  return {
    allocate: sizeBytes => pageAligned(native, sizeBytes),
    split: (...asked) => ask(nativeCalls.split(...asked), (id, given) => native.splitLater(pool, id, ...given)),
    squeeze: (...asked) => ask(nativeCalls.squeeze(...asked), (id, given) => native.squeezeLater(pool, id, ...given)),
    unsqueeze: (...asked) =>
      ask(nativeCalls.unsqueeze(...asked), (id, given) => native.unsqueezeLater(pool, id, ...given)),
    unpack: (...asked) => ask(nativeCalls.unpack(...asked), (id, given) => native.unpackLater(pool, id, ...given)),
    async close() {
      if (!isClosed) native.endThreads(pool)
      isClosed = true
      for (const job of jobs.values()) job.reject(closed())
      jobs.clear()
    },
  }
}
