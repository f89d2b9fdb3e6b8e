import type { Clock } from '#foundation/clock.ts'
import { fault } from './kql-fault.ts'
import type { Value } from './kql-type.ts'

const MAX_WORK = 400_000_000
const MAX_ROWS = 200_000
const MAX_VALUE_BYTES = 1024 * 1024
const MAX_VALUE_DEPTH = 64
const MAX_MS = 10_000
/** How long others may have to wait. */
const TURN_MS = 15
const LOOK_EVERY = 1_000_000

/**
 * What a query may cost. A value may hold another one many times over without taking memory for it, so its size is that of its text,
 * worked out from the sizes of its parts, each of which is measured once.
 */
export class Budget {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #sizes = new WeakMap<object, { bytes: number; depth: number }>()
  #turnEndsMs: number
  #work = 0
  #nextLook = LOOK_EVERY
  constructor(clock: Clock) {
    this.#clock = clock
    const now = clock.now().getTime()
    this.#deadlineMs = now + MAX_MS
    this.#turnEndsMs = now + TURN_MS
  }

  /** Counts work, about a character read or written each. Throws a `KqlFault` beyond the limit, as all here. */
  spend(work: number): void {
    this.#work += work
    if (this.#work > MAX_WORK) throw fault.tooCostly('what one query may read and compute')
    if (this.#work > this.#nextLook) this.#look()
  }

  #look(): void {
    this.#nextLook = this.#work + LOOK_EVERY
    if (this.#clock.now().getTime() > this.#deadlineMs) throw fault.timeout()
  }

  /** Lets others have their turn, when this query had its own. */
  async turn(): Promise<void> {
    const now = this.#clock.now().getTime()
    if (now > this.#deadlineMs) throw fault.timeout()
    if (now < this.#turnEndsMs) return
    await this.#clock.sleep(0)
    this.#turnEndsMs = this.#clock.now().getTime() + TURN_MS
  }

  /** Counts rows that an operator made so far. */
  rows(count: number): void {
    if (count > MAX_ROWS) throw fault.tooMany('rows at a time', MAX_ROWS)
  }

  /** Counts a value that was just made, and gives it back. */
  made<T extends Value>(value: T): T {
    this.spend(
      typeof value === 'string' ? this.#bounded({ bytes: value.length, depth: 0 }).bytes : this.#widthOf(value),
    )
    this.sizeOf(value)
    return value
  }

  /** Refuses a text of so many characters before it is made. */
  willMake(length: number): void {
    this.spend(this.#bounded({ bytes: length, depth: 0 }).bytes)
  }

  /** How long the value is as text. */
  sizeOf(value: Value): number {
    return this.#measure(value).bytes
  }

  #widthOf(value: Value): number {
    return typeof value !== 'object' || value === null ? 8 : 16 * Object.keys(value).length
  }

  #measure(value: Value): { bytes: number; depth: number } {
    if (typeof value === 'string') return this.#bounded({ bytes: value.length + 2, depth: 0 })
    if (typeof value !== 'object' || value === null) return { bytes: 8, depth: 0 }
    const known = this.#sizes.get(value)
    if (known) return known
    let bytes = 2
    let depth = 0
    for (const [name, part] of Object.entries(value) as [string, Value][]) {
      const measured = this.#measure(part)
      bytes += measured.bytes + name.length + 4
      depth = Math.max(depth, measured.depth + 1)
    }
    const measured = this.#bounded({ bytes, depth })
    this.#sizes.set(value, measured)
    return measured
  }

  #bounded(size: { bytes: number; depth: number }) {
    if (size.bytes > MAX_VALUE_BYTES) throw fault.tooCostly(`${MAX_VALUE_BYTES >> 20} MB for one value`)
    if (size.depth > MAX_VALUE_DEPTH) throw fault.tooCostly(`${MAX_VALUE_DEPTH} levels for one value`)
    return size
  }
}
