/** Messages that wait for the one who takes them. Whoever puts one in waits while there are many. */
export class Inbox<T> {
  readonly #waiting: T[] = []
  readonly #most: number
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}
  #changed = new Promise<void>(() => {})

  constructor(most: number) {
    this.#most = most
    this.#renew()
  }

  async put(item: T): Promise<void> {
    while (this.#waiting.length >= this.#most && !this.#failure) await this.#changed
    this.#waiting.push(item)
    this.#renew()
  }

  async next(): Promise<T> {
    for (;;) {
      if (this.#waiting.length > 0) {
        const item = this.#waiting.shift() as T
        this.#renew()
        return item
      }
      if (this.#failure) throw this.#failure.error
      await this.#changed
    }
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#renew()
  }

  #renew(): void {
    this.#wake()
    this.#changed = new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
