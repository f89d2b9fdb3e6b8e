import type { ResourceOperation } from '#arm/resource-type.ts'
import type { Clock } from '#foundation/clock.ts'
import { hiddenRegions, type RegionState, type RegionStates } from './region-states.ts'

type Work = Parameters<ResourceOperation['run']>[0]

const NOTE_INTERVAL_MS = 1000

/** Follows the regions of one operation, and keeps what a client may ask for: states at once, percentages now and then. */
export class ReplicationProgress {
  readonly #work: Pick<Work, 'note' | 'report'>
  readonly #clock: Clock
  #states: RegionStates
  #notedAtMs: number
  #noting: Promise<void> = Promise.resolve()
  constructor(work: Pick<Work, 'note' | 'report'>, clock: Clock, states: RegionStates) {
    this.#work = work
    this.#clock = clock
    this.#states = states
    this.#notedAtMs = clock.now().getTime()
  }

  get states(): RegionStates {
    return this.#states
  }

  /** A region is this far, 0 to 100. */
  progress(region: string, percent: number): void {
    const state = this.#states[region]
    const whole = Math.min(99, Math.floor(percent))
    if (!state || whole <= state.progress) return
    this.#states = { ...this.#states, [region]: { ...state, progress: whole } }
    this.#reportMean()
    if (this.#clock.now().getTime() - this.#notedAtMs < NOTE_INTERVAL_MS) return
    this.#notedAtMs = this.#clock.now().getTime()
    // A lost percentage harms nobody; what must not be lost is saved by `settle` and by the end of the operation.
    this.save().catch(() => undefined)
  }

  /** A region is where it gets; saved when this resolves. */
  async settle(region: string, state: RegionState): Promise<void> {
    this.#states = { ...this.#states, [region]: state }
    this.#reportMean()
    await this.save()
  }

  /** Saves one after the other: an older state must not arrive after a newer one. */
  save(): Promise<void> {
    const saved = this.#noting
      .catch(() => undefined)
      .then(() => this.#work.note(hidden => ({ ...hidden, ...hiddenRegions(this.#states) })))
    this.#noting = saved
    return saved
  }

  /** Resolves when nothing is being saved any more: before the end of the operation writes its own. */
  async idle(): Promise<void> {
    await this.#noting.catch(() => undefined)
  }

  #reportMean(): void {
    const all = Object.values(this.#states)
    this.#work.report(all.reduce((sum, { progress }) => sum + progress, 0) / Math.max(1, all.length))
  }
}
