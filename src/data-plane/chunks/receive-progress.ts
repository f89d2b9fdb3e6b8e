import type { StoreCore, Work } from './store-core.ts'

/** So long after the last time what has arrived is made durable, if that many bytes have not arrived before. */
const MOST_MS = 5000

/** Makes what a receive has brought durable, beside what goes on, and sees to it that it is kept if the receive is cut off. */
export class ReceiveProgress {
  readonly #core: StoreCore
  readonly #work: Work
  readonly #root: Uint8Array
  #bytes = 0
  #sinceMs: number
  #running: Promise<void> | undefined
  #isKept = false

  constructor(core: StoreCore, work: Work, root: Uint8Array) {
    this.#core = core
    this.#work = work
    this.#root = root
    this.#sinceMs = core.receives.now()
  }

  /** So many bytes more are in packs. */
  arrived(storedBytes: number): void {
    this.#bytes += storedBytes
    const isDue =
      this.#bytes >= this.#core.copyLimits.batchBytes || this.#core.receives.now() >= this.#sinceMs + MOST_MS
    if (isDue && this.#bytes > 0) this.#running ??= this.#save().finally(() => (this.#running = undefined))
  }

  /** Nothing more comes, now: the next attempt begins with what is here. */
  async breakOff(): Promise<void> {
    await this.#running
    if (this.#bytes > 0) await this.#save()
  }

  async done(): Promise<void> {
    await this.#running
  }

  /** A disk that fails is told by the commit that acknowledges the whole. */
  async #save(): Promise<void> {
    this.#bytes = 0
    this.#sinceMs = this.#core.receives.now()
    try {
      if (!this.#isKept) await this.#core.receives.keep(this.#root)
      this.#isKept = true
      await this.#work.commit()
    } catch {}
  }
}
