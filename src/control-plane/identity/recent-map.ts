/** A map that keeps the entries set last, at most `limit`: a bounded memory for answers that can be worked out again. */
export class RecentMap<Value> {
  readonly #entries = new Map<string, Value>()
  readonly #limit: number
  constructor(limit: number) {
    this.#limit = limit
  }
  get(key: string): Value | undefined {
    return this.#entries.get(key)
  }
  set(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value as string)
  }
  delete(key: string): void {
    this.#entries.delete(key)
  }
}
