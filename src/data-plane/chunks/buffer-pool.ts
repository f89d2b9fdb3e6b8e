/** What needs no more than this never waits. */
const SMALL_BYTES = 512 * 1024
/** Small buffers that are kept for the next ones: shared memory that is dropped piles up before it is collected. */
const MOST_IDLE_SMALL = 8

/** A fixed number of big buffers, made when first needed: what bounds the memory of everything that runs at once. */
export class BufferPool {
  readonly #make: (sizeBytes: number) => Uint8Array
  readonly #sizeBytes: number
  readonly #idle: Uint8Array[] = []
  readonly #idleSmall: Uint8Array[] = []
  readonly #waiting: ((buffer: Uint8Array) => void)[] = []
  #left: number

  constructor(count: number, sizeBytes: number, make: (sizeBytes: number) => Uint8Array) {
    this.#left = count
    this.#sizeBytes = sizeBytes
    this.#make = make
  }

  /** A buffer of at least `leastBytes`; it waits for one if all are in use. */
  async take(leastBytes: number): Promise<Uint8Array> {
    if (leastBytes <= SMALL_BYTES) return this.#idleSmall.pop() ?? this.#make(SMALL_BYTES)
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#left === 0) return new Promise(resolve => this.#waiting.push(resolve))
    this.#left--
    return this.#make(this.#sizeBytes)
  }

  giveBack(buffer: Uint8Array): void {
    if (buffer.length === SMALL_BYTES && this.#idleSmall.length < MOST_IDLE_SMALL) this.#idleSmall.push(buffer)
    if (buffer.length !== this.#sizeBytes) return
    const next = this.#waiting.shift()
    if (next) next(buffer)
    else this.#idle.push(buffer)
  }

  async with<T>(leastBytes: number, work: (buffer: Uint8Array) => Promise<T>): Promise<T> {
    const buffer = await this.take(leastBytes)
    try {
      return await work(buffer)
    } finally {
      this.giveBack(buffer)
    }
  }
}
