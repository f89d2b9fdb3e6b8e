import type { Clock } from '#foundation/clock.ts'

interface Waiting {
  readonly bytes: number
  readonly go: () => void
}

interface Line {
  readonly waiting: Waiting[]
  /** What it has had, counted on from the others' when it comes back: who was idle has no claim on what it did not use. */
  hadBytes: number
}

/** So much of what was not used may be made up for: a timer that wakes late must not cost the rate. */
const MOST_BEHIND_MS = 20

/** A rate that several lines share: of those that want to send, the one that has had least is next. */
export class SharedRate {
  readonly #bytesPerSecond: number
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()
  #freeAtMs = 0
  #isRunning = false

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
  }

  /** Resolves when so many bytes may have passed. */
  carry(line: string, bytes: number): Promise<void> {
    return new Promise(resolve => {
      this.#lineOf(line).waiting.push({ bytes, go: resolve })
      if (!this.#isRunning) void this.#run()
    })
  }

  #lineOf(name: string): Line {
    const line = this.#lines.get(name) ?? { waiting: [], hadBytes: 0 }
    this.#lines.set(name, line)
    const busy = [...this.#lines.values()].filter(({ waiting }) => waiting.length > 0)
    if (line.waiting.length === 0 && busy.length > 0)
      line.hadBytes = Math.max(line.hadBytes, Math.min(...busy.map(({ hadBytes }) => hadBytes)))
    return line
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let line = this.#next(); line; line = this.#next()) {
      const { bytes, go } = line.waiting[0]!
      line.hadBytes += bytes
      const nowMs = this.#clock.now().getTime()
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - MOST_BEHIND_MS) + (bytes / this.#bytesPerSecond) * 1000
      if (this.#freeAtMs > nowMs) await this.#clock.sleep(this.#freeAtMs - nowMs)
      line.waiting.shift()
      go()
    }
    this.#isRunning = false
  }

  #next(): Line | undefined {
    const busy = [...this.#lines.values()].filter(({ waiting }) => waiting.length > 0)
    return busy.reduce<Line | undefined>(
      (least, line) => (!least || line.hadBytes < least.hadBytes ? line : least),
      undefined,
    )
  }
}
