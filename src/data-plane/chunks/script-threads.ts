import { Worker } from 'node:worker_threads'
import { invariant } from '#foundation/invariant.ts'
import type { ChunkKernel } from './chunk-kernel.ts'
import type { HashThreads } from './hash-threads.ts'

/** What a thread is asked: the name of a kernel function and its arguments. */
export type Task =
  | { readonly call: 'split'; readonly with: Parameters<ChunkKernel['split']> }
  | { readonly call: 'squeeze'; readonly with: Parameters<ChunkKernel['squeezeRanges']> }
  | { readonly call: 'unsqueeze'; readonly with: Parameters<ChunkKernel['unsqueezeRanges']> }
  | { readonly call: 'unpack'; readonly with: Parameters<ChunkKernel['unpack']> }

export type Answer = { readonly value: unknown } | { readonly error: unknown }

interface Job {
  readonly task: Task
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/** Copies of batches fit each other's memory. */
const LEAST_COPY_BYTES = 1024 * 1024

/** One thread with one job at a time. A thread that dies takes its job with it and is replaced for the next one. */
class Thread {
  #worker: Worker | undefined
  #job: Job | undefined
  readonly #idle: (thread: Thread) => void

  constructor(idle: (thread: Thread) => void) {
    this.#idle = idle
    this.#worker = this.#start()
  }

  run(job: Job): void {
    this.#job = job
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#worker.postMessage(job.task)
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#job?.reject(new Error('The hash workers were closed.'))
  }

  #start(): Worker {
    const worker = new Worker(new URL('./script-thread.ts', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    worker.unref() // an idle pool must not keep a program alive
    worker.on('message', (answer: Answer) =>
      this.#finish(job => ('error' in answer ? job.reject(answer.error) : job.resolve(answer.value as never))),
    )
    worker.on('error', error => {
      this.#worker = undefined
      this.#finish(job => job.reject(error))
    })
    return worker
  }

  #finish(settle: (job: Job) => void): void {
    const job = this.#job
    if (!job) return
    this.#job = undefined
    this.#worker?.unref()
    settle(job)
    this.#idle(this)
  }
}

/** Threads with a JavaScript engine in each, which see the buffers of `allocate`; other bytes that are only read are copied for them. */
export const scriptThreads = (count: number): HashThreads => {
  const waiting: Job[] = []
  const idle: Thread[] = []
  const next = (thread: Thread) => {
    const job = waiting.shift()
    if (job) thread.run(job)
    else idle.push(thread)
  }
  const threads = Array.from({ length: count }, () => new Thread(next))
  idle.push(...threads)
  const ask = <T>(task: Task): Promise<T> =>
    new Promise((resolve, reject) => {
      const isShared = task.call === 'unpack' || task.with[0].buffer instanceof SharedArrayBuffer
      invariant(isShared, 'Threads work on buffers of allocate()')
      waiting.push({ task, resolve, reject })
      const thread = idle.pop()
      if (thread) next(thread)
    })
  const allocate = (sizeBytes: number) => new Uint8Array(new SharedArrayBuffer(sizeBytes))
  /** Copies of bytes that the threads would not see; kept, because shared memory that is dropped piles up before it is collected. */
  const copies: Uint8Array[] = []
  const withShared = async <T>(bytes: Uint8Array, work: (shared: Uint8Array) => Promise<T>): Promise<T> => {
    if (bytes.buffer instanceof SharedArrayBuffer) return await work(bytes)
    const kept = copies.pop()
    const copy = kept && kept.length >= bytes.length ? kept : allocate(Math.max(bytes.length, LEAST_COPY_BYTES))
    copy.set(bytes)
    try {
      return await work(copy.subarray(0, bytes.length))
    } finally {
      copies.push(copy)
    }
  }
  return {
    allocate,
    split: (...given) => ask({ call: 'split', with: given }),
    squeeze: (...given) => ask({ call: 'squeeze', with: given }),
    unsqueeze: (stored, ...given) => withShared(stored, shared => ask({ call: 'unsqueeze', with: [shared, ...given] })),
    unpack: (...given) => ask({ call: 'unpack', with: given }),
    async close() {
      await Promise.all(threads.map(thread => thread.close()))
      for (const job of waiting.splice(0)) job.reject(new Error('The hash workers were closed.'))
    },
  }
}
