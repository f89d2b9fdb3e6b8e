import type { Json } from '#resources/resource-document.ts'
import { fault } from './template-fault.ts'

/** Azure's limit on a template after everything in it was evaluated. */
const MAX_VALUE_BYTES = 4 * 1024 * 1024
const MAX_VALUE_DEPTH = 100
/** Of one evaluation, which nothing interrupts. */
const MAX_STEPS = 600_000
const MAX_WORK_BYTES = 128 * 1024 * 1024
/** How many of the dearest ones all evaluations may cost together: a body that looks something up is evaluated once more for each answer. */
const MAX_TIMES = 32
/** Variables that name variables, functions that call functions: each is a call within a call here too. */
const MAX_CALL_DEPTH = 400

interface Measure {
  readonly bytes: number
  readonly depth: number
}

/**
 * What evaluating a template, or those of one request, may cost from the first time to the last. A value may hold another one many
 * times over without taking memory for it, so its size is that of its text, worked out from the sizes of its parts, each of which
 * is measured once.
 */
export class Budget {
  #steps = 0
  #workBytes = 0
  #stepsBefore = 0
  #workBytesBefore = 0
  #depth = 0
  readonly #measures = new WeakMap<object, Measure>()

  /** A new evaluation begins: others have had their turn since the last one. Throws like all here. */
  begin(): void {
    this.#stepsBefore += this.#steps
    this.#workBytesBefore += this.#workBytes
    this.#steps = 0
    this.#workBytes = 0
    if (this.#stepsBefore > MAX_TIMES * MAX_STEPS) throw fault.tooCostly(`${MAX_TIMES * MAX_STEPS} steps in all`)
    if (this.#workBytesBefore > MAX_TIMES * MAX_WORK_BYTES)
      throw fault.tooCostly(`${(MAX_TIMES * MAX_WORK_BYTES) / 2 ** 30} GB of values in all`)
  }

  /** Counts a step. Throws a `TemplateTooCostly` beyond the limit, as all here. */
  step(): void {
    if (++this.#steps > MAX_STEPS) throw fault.tooCostly(`${MAX_STEPS} steps`)
  }

  /** Runs `work` one level deeper. */
  deeper<T>(work: () => T): T {
    if (++this.#depth > MAX_CALL_DEPTH) throw fault.tooCostly(`${MAX_CALL_DEPTH} nested evaluations`)
    try {
      return work()
    } finally {
      this.#depth--
    }
  }

  /** Counts a value that was just made, and gives it back. */
  made<T extends Json>(value: T): T {
    const { bytes } = this.#measure(value)
    this.spend(typeof value === 'string' ? bytes : widthOf(value))
    return value
  }

  /** Counts work that makes or reads so many bytes. */
  spend(bytes: number): void {
    this.#workBytes += bytes
    if (this.#workBytes > MAX_WORK_BYTES) throw fault.tooCostly(`${MAX_WORK_BYTES >> 20} MB of values`)
  }

  /** How long the value is as text. */
  sizeOf(value: Json): number {
    return this.#measure(value).bytes
  }

  #measure(value: Json): Measure {
    if (typeof value === 'string') return bounded({ bytes: value.length + 2, depth: 0 })
    if (typeof value !== 'object' || value === null) return { bytes: 8, depth: 0 }
    const known = this.#measures.get(value)
    if (known) return known
    const measured = bounded(this.#measureParts(value))
    this.#measures.set(value, measured)
    return measured
  }

  #measureParts(value: object): Measure {
    let bytes = 2
    let depth = 0
    const isArray = Array.isArray(value)
    for (const [name, part] of Object.entries(value) as [string, Json][]) {
      const measure = this.deeper(() => this.#measure(part))
      bytes += measure.bytes + 1 + (isArray ? 0 : name.length + 3)
      depth = Math.max(depth, measure.depth + 1)
    }
    return { bytes, depth }
  }
}

const widthOf = (value: Json): number =>
  typeof value !== 'object' || value === null
    ? 8
    : 16 * (Array.isArray(value) ? value.length : Object.keys(value).length)

const bounded = (measure: Measure): Measure => {
  if (measure.bytes > MAX_VALUE_BYTES) throw fault.tooCostly(`${MAX_VALUE_BYTES >> 20} MB for one value`)
  if (measure.depth > MAX_VALUE_DEPTH) throw fault.tooCostly(`${MAX_VALUE_DEPTH} levels for one value`)
  return measure
}
