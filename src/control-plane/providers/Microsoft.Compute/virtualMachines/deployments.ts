/**
 * How many machines are made of an image at a time: so many places for each replica, and whoever finds none waits for its turn. Kept in
 * memory: after a restart the works that go on take their places again.
 */
export class Deployments {
  readonly #queues = new Map<string, { taken: number; waiting: (() => void)[] }>()

  /** Resolves with a place, which is to be given back. `onWait` is told when there is none yet. Throws when the signal aborts. */
  async enter(
    name: string,
    places: number,
    signal: AbortSignal,
    onWait: (taken: number) => Promise<void>,
  ): Promise<() => void> {
    const queue = this.#queues.get(name) ?? { taken: 0, waiting: [] }
    this.#queues.set(name, queue)
    while (queue.taken >= places) {
      const turn = Promise.withResolvers<void>()
      queue.waiting.push(turn.resolve)
      signal.addEventListener('abort', () => turn.resolve(), { once: true })
      await onWait(queue.taken)
      await turn.promise
      queue.waiting = queue.waiting.filter(wake => wake !== turn.resolve)
      if (signal.aborted) queue.waiting[0]?.() // the turn that was ours is another's
      signal.throwIfAborted()
    }
    queue.taken++
    return () => this.#leave(name)
  }

  #leave(name: string): void {
    const queue = this.#queues.get(name)
    if (!queue) return
    queue.taken--
    if (queue.waiting.length > 0) queue.waiting[0]?.()
    else if (queue.taken === 0) this.#queues.delete(name)
  }
}
