import type { Clock } from '#foundation/clock.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'

/** A guest that boots reads again within this time of its last read. */
const quietMs = 200
/** So long a block of the copy waits at most: a guest that never rests must not keep it away for good. */
const patienceMs = 2000

/**
 * Over a slow link a guest that boots needs now what the copy of the same image needs some time: the copy gives way while a guest
 * reads. Only where bytes come piece by piece; what writes itself out (`writeTo`) lies on this host and is soon done.
 */
export class GuestReads {
  readonly #clock: Clock
  #running = 0
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The bytes as a guest reads them. */
  first(bytes: SparseBytes): SparseBytes {
    return {
      ...bytes,
      extents: () => bytes.extents(),
      close: () => bytes.close(),
      read: async (offset, target) => {
        this.#running++
        try {
          await bytes.read(offset, target)
        } finally {
          this.#running--
          this.#lastMs = this.#clock.now().getTime()
        }
      },
    }
  }

  /** The bytes as the copy reads them. */
  behind(bytes: SparseBytes, signal: AbortSignal): SparseBytes {
    if (bytes.writeTo) return bytes
    return {
      ...bytes,
      extents: () => bytes.extents(),
      close: () => bytes.close(),
      read: async (offset, target) => {
        await this.#rest(signal)
        await bytes.read(offset, target)
      },
    }
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const now = () => this.#clock.now().getTime()
    const untilMs = now() + patienceMs
    const isBusy = () => this.#running > 0 || now() - this.#lastMs < quietMs
    while (!signal.aborted && now() < untilMs && isBusy()) await this.#clock.sleep(quietMs / 4, signal)
  }
}
