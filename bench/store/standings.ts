import { median } from '../measure.ts'

/** What each contestant needed in each event, run by run. */
export class Standings {
  readonly #values = new Map<string, Map<string, number[]>>()

  add(event: string, name: string, value: number): void {
    const ofEvent = this.#values.get(event) ?? new Map<string, number[]>()
    this.#values.set(event, ofEvent)
    const values = ofEvent.get(name) ?? []
    ofEvent.set(name, [...values, value])
  }

  /** The median of what somebody needed. NaN if he never took part. */
  of(event: string, name: string): number {
    const values = this.#values.get(event)?.get(name)
    return values ? median(values) : Number.NaN
  }

  /** Who needed least, of those with one of the names. */
  best(event: string, names: readonly string[]): { name: string; value: number } | undefined {
    return names
      .map(name => ({ name, value: this.of(event, name) }))
      .filter(({ value }) => !Number.isNaN(value))
      .toSorted((a, b) => a.value - b.value)[0]
  }

  /** Those who came within a factor of the best of `names` in one of the events: the others need not run again. */
  near(factor: number, names: readonly string[], events: readonly string[]): Set<string> {
    const kept = new Set<string>()
    for (const event of events) {
      const best = this.best(event, names)
      for (const name of names) if (best && this.of(event, name) <= best.value * factor) kept.add(name)
    }
    return kept
  }

  /** All medians of an event, least first. */
  tell(event: string): string {
    const names = [...(this.#values.get(event)?.keys() ?? [])]
    const medians = names.map(name => ({ name, value: this.of(event, name) })).toSorted((a, b) => a.value - b.value)
    return medians.map(({ name, value }) => `${value.toFixed(2)} ${name}`).join('; ')
  }

  /** A line for each of the names, a column for each event. */
  table(names: readonly string[], events: readonly string[]): string[] {
    const wide = Math.max(...names.map(name => name.length))
    const figure = (value: number) => (Number.isNaN(value) ? '' : value < 100 ? value.toFixed(2) : value.toFixed(0))
    const line = (name: string, cellOf: (event: string) => string) =>
      `${name.padEnd(wide)}${events.map(event => cellOf(event).padStart(event.length + 2)).join('')}`
    return [line('', event => event), ...names.map(name => line(name, event => figure(this.of(event, name))))]
  }
}
