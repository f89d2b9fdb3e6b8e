import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { invariant } from '#foundation/invariant.ts'
import { type Split, splitBytes, squeezeRanges, totalOf, unsqueezeRanges } from './chunk-kernel.ts'

/** The heavy arithmetic of a store, off the main thread. Buffers come from `allocate`, so that no byte is copied between threads. */
export interface HashWorkers {
  readonly count: number
  allocate(sizeBytes: number): Uint8Array
  split(bytes: Uint8Array, start: number, end: number, nominalBytes: number): Promise<Split>
  squeeze(bytes: Uint8Array, ranges: Uint32Array, target: Uint8Array): Promise<Uint32Array>
  unsqueeze(stored: Uint8Array, items: Uint32Array, ids: Uint8Array, target: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** What a thread is asked: the name of a kernel function and its arguments. */
export type Task =
  | { readonly call: 'split'; readonly with: Parameters<typeof splitBytes> }
  | { readonly call: 'squeeze'; readonly with: Parameters<typeof squeezeRanges> }
  | { readonly call: 'unsqueeze'; readonly with: Parameters<typeof unsqueezeRanges> }

export type Answer = { readonly value: unknown } | { readonly error: unknown }

/** The same work in the calling thread: for simulations, and for tests that would wait longer for a thread than for the work. */
export const hashInThread = (): HashWorkers => ({
  count: 1,
  allocate: sizeBytes => new Uint8Array(sizeBytes),
  split: async (...given) => splitBytes(...given),
  squeeze: async (...given) => squeezeRanges(...given),
  unsqueeze: async (...given) => unsqueezeRanges(...given),
  close: async () => {},
})

/** Below this a message to a thread costs more than the work. */
const SMALL_BYTES = 64 * 1024
const MOST_THREADS = 8

interface Job {
  readonly task: Task
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

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
    const worker = new Worker(new URL('./hash-worker-thread.ts', import.meta.url))
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

/** Starts threads that split, hash, compress and check chunks. Close them when the last store is closed. */
export const startHashWorkers = (count = Math.min(availableParallelism(), MOST_THREADS)): HashWorkers => {
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
      invariant(task.with[0].buffer instanceof SharedArrayBuffer, 'Threads work on buffers of allocate()')
      waiting.push({ task, resolve, reject })
      const thread = idle.pop()
      if (thread) next(thread)
    })
  const here = hashInThread()
  return {
    count,
    allocate: sizeBytes => new Uint8Array(new SharedArrayBuffer(sizeBytes)),
    split: (...given) =>
      given[2] - given[1] <= SMALL_BYTES ? here.split(...given) : ask({ call: 'split', with: given }),
    squeeze: (...given) =>
      totalOf(given[1], 1, 2) <= SMALL_BYTES ? here.squeeze(...given) : ask({ call: 'squeeze', with: given }),
    unsqueeze: (...given) =>
      totalOf(given[1], 2, 4) <= SMALL_BYTES ? here.unsqueeze(...given) : ask({ call: 'unsqueeze', with: given }),
    async close() {
      await Promise.all(threads.map(thread => thread.close()))
      for (const job of waiting.splice(0)) job.reject(new Error('The hash workers were closed.'))
    },
  }
}
