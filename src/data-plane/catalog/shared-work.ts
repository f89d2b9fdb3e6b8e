import type { Watch } from '#data-plane/chunks/chunk-store.ts'

interface Running<Result> {
  readonly result: Promise<Result>
  readonly stop: AbortController
  readonly watches: Set<Watch>
}

/** Work that is done once however many wait for it, and ended when none of them wants it any more. */
export class SharedWork<Result> {
  readonly #running = new Map<string, Running<Result>>()

  /** Rejects when the watch's own signal aborts; the work goes on for the others. */
  async join(key: string, watch: Watch, work: (all: Required<Watch>) => Promise<Result>): Promise<Result> {
    watch.signal?.throwIfAborted()
    const running = this.#running.get(key) ?? this.#begin(key, work)
    // Nobody wants what is just ending, and a second one would get in its way.
    if (running.stop.signal.aborted) {
      await running.result.catch(() => {})
      return await this.join(key, watch, work)
    }
    running.watches.add(watch)
    const given = new AbortController()
    try {
      return await Promise.race([running.result, rejection(watch.signal, given.signal)])
    } finally {
      given.abort()
      running.watches.delete(watch)
      if (running.watches.size === 0) running.stop.abort(new Error('Nobody waits for it any more.'))
    }
  }

  #begin(key: string, work: (all: Required<Watch>) => Promise<Result>): Running<Result> {
    const stop = new AbortController()
    const watches = new Set<Watch>()
    const onProgress = (doneBytes: number, totalBytes: number) => {
      for (const watch of watches) watch.onProgress?.(doneBytes, totalBytes)
    }
    const result = work({ signal: stop.signal, onProgress }).finally(() => this.#running.delete(key))
    result.catch(() => {}) // told to those who wait
    const running = { result, stop, watches }
    this.#running.set(key, running)
    return running
  }
}

/** Never resolves. `over` lets go of the signal. */
const rejection = (signal: AbortSignal | undefined, over: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: over }),
  )
