/** Time, injected: only this file may look at the machine's clock, so that a test or a demo can jump past a date. */
export interface Clock {
  now(): Date
  /** Resolves after `delayMs`, or at once (without throwing) when the signal aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}

const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, delayMs)
    signal?.addEventListener('abort', done, { once: true })
  })

export const systemClock: Clock = { now: () => new Date(), sleep }

/** A clock that runs at the machine's pace but can be moved forward: sleeps still take real time. */
export class JumpableClock implements Clock {
  #offsetMs = 0
  now(): Date {
    return new Date(Date.now() + this.#offsetMs)
  }
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleep(delayMs, signal)
  }
  jump(byMs: number): void {
    this.#offsetMs += byMs
  }
}

/** A clock that stands still until it is advanced; sleepers wake in the order of their time. For tests. */
export class FakeClock implements Clock {
  #nowMs: number
  #sleepers: { wakeMs: number; wake: () => void }[] = []
  constructor(start = '2026-01-01T00:00:00Z') {
    this.#nowMs = Date.parse(start)
  }
  now(): Date {
    return new Date(this.#nowMs)
  }
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      this.#sleepers.push({ wakeMs: this.#nowMs + delayMs, wake: resolve })
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  advance(byMs: number): void {
    this.#nowMs += byMs
    const due = this.#sleepers.filter(s => s.wakeMs <= this.#nowMs).sort((a, b) => a.wakeMs - b.wakeMs)
    this.#sleepers = this.#sleepers.filter(s => s.wakeMs > this.#nowMs)
    for (const sleeper of due) sleeper.wake()
  }
}
