/** A set of small whole numbers, one bit each: which chunks a piece of work needs, or a collection has reached. */
export class Bits {
  #words = new Uint32Array(64)

  /** Whether it was not in there before. */
  add(number: number): boolean {
    const word = number >>> 5
    if (word >= this.#words.length) this.#grow(word + 1)
    const bit = 1 << (number & 31)
    const isNew = (this.#words[word]! & bit) === 0
    this.#words[word]! |= bit
    return isNew
  }

  has(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0
  }

  addAll(other: Bits): void {
    if (other.#words.length > this.#words.length) this.#grow(other.#words.length)
    for (const [i, word] of other.#words.entries()) this.#words[i]! |= word
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.#words.length * 2))
    grown.set(this.#words)
    this.#words = grown
  }
}
