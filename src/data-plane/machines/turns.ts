/** Lets work on one thing happen one after the other, and on different things at one time. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  async take<T>(subject: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(subject)
    const mine = (before ?? Promise.resolve()).then(work)
    const done = mine.then(
      () => {},
      () => {},
    )
    this.#last.set(subject, done)
    try {
      return await mine
    } finally {
      if (this.#last.get(subject) === done) this.#last.delete(subject)
    }
  }
}
