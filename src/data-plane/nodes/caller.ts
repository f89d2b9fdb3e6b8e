import { AsyncLocalStorage } from 'node:async_hooks'
import { StoreMissing } from '#data-plane/chunks/open-store.ts'
import type { Clock } from '#foundation/clock.ts'
import { connect } from './connect.ts'
import { AskFailed, errorOf, NodeUnreachable } from './faults.ts'
import type { NodeAccess } from './join.ts'
import { type Body, type Message, type Wire, WireBroken, type WireParts } from './wire.ts'

/** What a region asks for in the course of a call, part by part. */
export type Answers = Readonly<Record<string, (ask: Message) => AsyncIterable<Body>>>

export interface CallOptions {
  readonly body?: Uint8Array
  readonly answers?: Answers
  readonly signal?: AbortSignal | undefined
  onItem?(body: Buffer): void | Promise<void>
  onProgress?(doneBytes: number, totalBytes: number): void
}

export interface CallerParts {
  readonly clock: Clock
  readonly silenceLimitMs?: number
  readonly connectLimitMs?: number
}

const SILENCE_LIMIT_MS = 60_000
const CONNECT_LIMIT_MS = 5000
const MOST_IDLE = 16
const MOST_ASKED = 256
/** After an attempt that took long, calls fail at once for ten times as long: who asks a dead host a thousand times must not wait. */
const PAUSE_FACTOR = 10
const LONGEST_PAUSE_MS = 30_000

/** Calls to one store of a region, each on a connection that is its own while it runs. */
export class Caller {
  readonly #url: string
  readonly #access: () => Promise<NodeAccess>
  readonly #clock: Clock
  readonly #limits: WireParts & { readonly connectLimitMs: number }
  readonly #idle: Wire[] = []
  readonly #busy = new Set<Wire>()
  #pause: { readonly untilMs: number; readonly failure: unknown } | undefined
  #storeId: string | undefined
  #isClosed = false

  constructor(url: string, access: () => Promise<NodeAccess>, parts: CallerParts) {
    const { clock, silenceLimitMs = SILENCE_LIMIT_MS, connectLimitMs = CONNECT_LIMIT_MS } = parts
    this.#url = url
    this.#access = access
    this.#clock = clock
    this.#limits = { clock, silenceLimitMs, connectLimitMs }
  }

  /** Learns which store answers, and from now on is content with no other one. Throws `StoreMissing`. */
  async greet(expectedId?: string): Promise<string> {
    this.#storeId = expectedId
    const id = idOf(await this.call('hello', {}))
    this.#storeId = id
    return id
  }

  /** Runs one call. Throws the facts that the store throws, or `NodeUnreachable`. */
  async call(name: string, details: object, options: CallOptions = {}): Promise<unknown> {
    options.signal?.throwIfAborted()
    const wire = await this.#connection()
    if (options.signal?.aborted || this.#isClosed) {
      wire.close()
      options.signal?.throwIfAborted()
      throw new Error('The chunk store is closed.')
    }
    this.#busy.add(wire)
    const conversation = new Conversation(wire, this.#url, options)
    const stop = () => wire.close()
    options.signal?.addEventListener('abort', stop, { once: true })
    try {
      return await conversation.run({ ...details, call: name })
    } catch (error) {
      options.signal?.throwIfAborted()
      throw error instanceof WireBroken ? new NodeUnreachable(this.#url, error.message, { cause: error }) : error
    } finally {
      options.signal?.removeEventListener('abort', stop)
      this.#busy.delete(wire)
      if (conversation.isClean && !this.#isClosed && this.#idle.length < MOST_IDLE) this.#idle.push(wire)
      else wire.close()
    }
  }

  close(): void {
    this.#isClosed = true
    this.disconnect()
    for (const wire of this.#busy) wire.close()
  }

  /** Lets go of the connections that nobody uses. */
  disconnect(): void {
    for (const wire of this.#idle.splice(0)) wire.close()
  }

  async #connection(): Promise<Wire> {
    if (this.#isClosed) throw new Error('The chunk store is closed.')
    for (;;) {
      const wire = this.#idle.pop()
      if (!wire) break
      if (!wire.ended.aborted) return wire
    }
    const startedMs = this.#clock.now().getTime()
    if (this.#pause && startedMs < this.#pause.untilMs) throw this.#pause.failure
    try {
      const access = await this.#access() // each time: the region may have joined anew
      const wire = await connect(this.#url, access, this.#limits)
      this.#pause = undefined
      await this.#requireSame(wire)
      return wire
    } catch (failure) {
      const nowMs = this.#clock.now().getTime()
      const pauseMs = Math.min(PAUSE_FACTOR * (nowMs - startedMs), LONGEST_PAUSE_MS)
      if (pauseMs >= 1000) this.#pause = { untilMs: nowMs + pauseMs, failure }
      throw failure
    }
  }

  /** The region may have come back with another disk since it was last spoken to. */
  async #requireSame(wire: Wire): Promise<void> {
    const expectedId = this.#storeId
    if (expectedId === undefined) return
    try {
      const id = idOf(await new Conversation(wire, this.#url, {}).run({ call: 'hello' }))
      if (id !== expectedId) throw new StoreMissing(this.#url, expectedId, id)
    } catch (error) {
      wire.close()
      throw error instanceof WireBroken ? new NodeUnreachable(this.#url, error.message, { cause: error }) : error
    }
  }
}

const idOf = (answer: unknown): string => String((answer as { id?: unknown } | null)?.id)

/** One call and what is said until it ends. */
class Conversation {
  readonly #wire: Wire
  readonly #url: string
  readonly #options: CallOptions
  /** Why we could not give what was asked for: the call's own failure, if it fails for that. */
  readonly #failures = new Map<number, unknown>()
  readonly #answering = new Set<Promise<void>>()
  /** Answers run in the caller's context, not in that of the connection: who asks whom for a lost chunk is known by it. */
  readonly #inContext = AsyncLocalStorage.snapshot()
  #isEnded = false

  constructor(wire: Wire, url: string, options: CallOptions) {
    this.#wire = wire
    this.#url = url
    this.#options = options
  }

  /** Whether another call may follow on the connection. */
  get isClean(): boolean {
    return this.#isEnded && this.#answering.size === 0 && !this.#wire.ended.aborted
  }

  async run(head: object): Promise<unknown> {
    const wire = this.#wire
    await wire.send(head, this.#options.body)
    for (;;) {
      const message = await wire.next()
      const { ask, isDone, fault, progress, item } = message.head
      if (typeof ask === 'number') this.#answer(ask, message)
      else if (item === true) await this.#options.onItem?.(message.body)
      else if (Array.isArray(progress)) this.#options.onProgress?.(Number(progress[0]), Number(progress[1]))
      else if (isDone === true || fault !== undefined) {
        this.#isEnded = true
        if (fault !== undefined) throw this.#failureOf(fault)
        return JSON.parse(message.body.toString('utf8'))
      } else throw new WireBroken('The region said something strange.')
    }
  }

  #failureOf(fault: unknown): unknown {
    const error = errorOf(fault, this.#url)
    return error instanceof AskFailed ? (this.#failures.get(error.ask) ?? error) : error
  }

  #answer(ask: number, message: Message): void {
    if (this.#answering.size >= MOST_ASKED) throw new WireBroken('The region asks too much at once.')
    const answering: Promise<void> = this.#inContext(() => this.#give(ask, message))
      .catch(error => this.#wire.close(error))
      .finally(() => this.#answering.delete(answering))
    this.#answering.add(answering)
  }

  async #give(ask: number, message: Message): Promise<void> {
    const answers = this.#options.answers ?? {}
    const want = String(message.head.want)
    try {
      const give = Object.hasOwn(answers, want) ? answers[want] : undefined
      if (!give) throw new WireBroken('The region asks for something strange.')
      for await (const part of give(message)) await this.#wire.send({ answer: ask }, part)
    } catch (error) {
      if (error instanceof WireBroken) throw error
      this.#failures.set(ask, error)
      return await this.#wire.send({ answer: ask, isFailed: true })
    }
    await this.#wire.send({ answer: ask, isLast: true })
  }
}
