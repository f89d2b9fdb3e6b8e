/**
 * How many machines are made of an image at a time: so many places for each replica, and whoever finds none waits for its turn. Kept in
 * memory: after a restart the works that go on take their places again.
 */
export class Deployments {
  readonly #queues = new Map<string, Queue>()

  /** Resolves with a place, which is to be given back. `onWait` is told when there is none yet. Throws when the signal aborts. */
  async enter(
    name: string,
    places: number,
    signal: AbortSignal,
    onWait: (taken: number) => Promise<void>,
  ): Promise<() => void> {
    const queue = this.#queues.get(name) ?? { places, taken: 0, waiting: new Set() }
    this.#queues.set(name, queue)
    queue.places = places
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>()
    queue.waiting.add(begin)
    this.#admit(name, queue)
    try {
      if (queue.waiting.has(begin)) await onWait(queue.taken)
      signal.throwIfAborted()
      signal.addEventListener('abort', () => begin(), { once: true })
      await turn
      signal.throwIfAborted()
    } catch (error) {
      if (!queue.waiting.delete(begin)) this.#leave(name, queue) // the place that was ours is another's
      throw error
    }
    return () => this.#leave(name, queue)
  }

  #leave(name: string, queue: Queue): void {
    queue.taken--
    this.#admit(name, queue)
  }

  /** Gives each free place to who has waited longest, so that nobody who comes meanwhile takes it. */
  #admit(name: string, queue: Queue): void {
    for (const begin of queue.waiting) {
      if (queue.taken >= queue.places) return
      queue.waiting.delete(begin)
      queue.taken++
      begin()
    }
    if (queue.taken === 0) this.#queues.delete(name)
  }
}

interface Queue {
  places: number
  taken: number
  /** In the order in which they came. */
  readonly waiting: Set<() => void>
}
