/** A fixed number of big buffers, made when first needed: what bounds the memory of everything that runs at once. */
export class BufferPool {
  readonly #make: () => Uint8Array
  readonly #idle: Uint8Array[] = []
  readonly #waiting: ((buffer: Uint8Array) => void)[] = []
  #left: number

  constructor(count: number, make: () => Uint8Array) {
    this.#left = count
    this.#make = make
  }

  async take(): Promise<Uint8Array> {
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#left === 0) return new Promise(resolve => this.#waiting.push(resolve))
    this.#left--
    return this.#make()
  }

  giveBack(buffer: Uint8Array): void {
    const next = this.#waiting.shift()
    if (next) next(buffer)
    else this.#idle.push(buffer)
  }

  async with<T>(work: (buffer: Uint8Array) => Promise<T>): Promise<T> {
    const buffer = await this.take()
    try {
      return await work(buffer)
    } finally {
      this.giveBack(buffer)
    }
  }
}
