import type { Watch } from '#data-plane/chunks/chunk-store.ts'
import { AskFailed } from './faults.ts'
import { Inbox } from './inbox.ts'
import type { Role } from './join.ts'
import { type Body, type Message, type Wire, WireBroken } from './wire.ts'

const MOST_ASKS = 256
const MOST_WAITING = 4

/** A call that is being served: its arguments, and the way back to the caller. */
export class ServedCall {
  readonly request: Message
  readonly role: Role
  readonly signal: AbortSignal
  /** What the caller says in the course of the call, answers apart. */
  readonly inbox = new Inbox<Message>(MOST_WAITING)
  readonly #wire: Wire
  readonly #asks = new Map<number, Inbox<Message>>()
  #nextAsk = 1
  #progress: readonly [number, number] | undefined
  #reporting: Promise<void> = Promise.resolve()

  constructor(wire: Wire, request: Message, role: Role) {
    this.#wire = wire
    this.request = request
    this.role = role
    this.signal = wire.ended
    this.signal.addEventListener('abort', this.#break)
  }

  readonly #break = (): void => {
    this.inbox.fail(this.signal.reason)
    for (const ask of this.#asks.values()) ask.fail(this.signal.reason)
  }

  /** Progress as the caller is told it: the latest, no faster than it listens. */
  readonly watch = (): Watch => ({
    signal: this.signal,
    onProgress: (done, total) => {
      const isReporting = this.#progress !== undefined
      this.#progress = [done, total]
      if (!isReporting) this.#reporting = this.#report().catch(() => {})
    },
  })

  async #report(): Promise<void> {
    while (this.#progress) {
      const progress = this.#progress
      await this.#wire.send({ progress })
      if (this.#progress === progress) this.#progress = undefined
    }
  }

  /** One piece of a long answer. */
  item(body?: Body): Promise<void> {
    return this.#wire.send({ item: true }, body)
  }

  /** Asks the caller for something, and hands out the parts in which it comes. Throws `AskFailed`. */
  async *ask(want: string, details: object = {}, body?: Uint8Array): AsyncGenerator<Buffer> {
    if (this.#asks.size >= MOST_ASKS) throw new WireBroken('Too much is asked for at once.')
    const ask = this.#nextAsk++
    const answers = new Inbox<Message>(MOST_WAITING)
    this.#asks.set(ask, answers)
    try {
      if (this.signal.aborted) throw this.signal.reason
      await this.#wire.send({ ask, want, ...details }, body)
      for (;;) {
        const { head, body: part } = await answers.next()
        if (head.isFailed === true) throw new AskFailed(ask)
        if (head.isLast === true) return
        yield part
      }
    } finally {
      this.#asks.delete(ask)
      answers.fail(new AskFailed(ask)) // for whoever still wants to put something in
    }
  }

  /** A part of an answer is of no use any more: the next one may have its memory. */
  recycle(part: Buffer): void {
    this.#wire.recycle(part)
  }

  /** Puts what the caller said where it is waited for. */
  async deliver(message: Message): Promise<void> {
    const { answer } = message.head
    if (answer === undefined) return await this.inbox.put(message)
    // An answer that nobody waits for any more is dropped: the work that wanted it has failed meanwhile.
    if (typeof answer === 'number') await this.#asks.get(answer)?.put(message)
  }

  /** The end of the call: what it gave, or why it failed. */
  async end(head: object, value?: unknown): Promise<void> {
    this.signal.removeEventListener('abort', this.#break) // many calls share a connection, and none is kept
    await this.#reporting
    await this.#wire.send(head, value === undefined ? undefined : Buffer.from(JSON.stringify(value)))
  }
}
