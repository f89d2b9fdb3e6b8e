import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Clock } from '#foundation/clock.ts'

/** The connection is of no use any more: the peer left, fell silent or broke the protocol. */
export class WireBroken extends Error {
  override readonly name = 'WireBroken'
}

/** Bytes to be sent, in one or several pieces of memory. */
export type Body = Uint8Array | readonly Uint8Array[]

/** What travels: a small JSON object and bytes that belong to it. */
export interface Message {
  readonly head: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

export interface WireParts {
  readonly clock: Clock
  /** A peer that sends nothing or takes nothing for this long is given up; a message may take twice as long. */
  readonly silenceLimitMs: number
}

export const MAX_HEAD_BYTES = 64 * 1024
export const MAX_BODY_BYTES = 8 * 1024 * 1024
const PREFIX_BYTES = 8
/** Memory of large bodies that is kept for the next ones; a gibibyte of them to collect would take longer than to receive it. */
const MOST_IDLE_BODIES = 4
const LEAST_KEPT_BYTES = 512 * 1024
const BODY_STEP_BYTES = 256 * 1024
/** Beyond this the socket is not read on before somebody takes a message. */
const MOST_QUEUED_BYTES = 4 * 1024 * 1024
const MOST_QUEUED = 1000
/** TLS encrypts what it is given as a whole before the first byte leaves: this much stays in the processor's cache meanwhile. */
const WRITE_BYTES = 256 * 1024
const NOTHING = Buffer.alloc(0)
/** A prefix of zeros is a sign of life, no message. */
const PING = Buffer.alloc(PREFIX_BYTES)

/**
 * Messages over a byte stream: `u32 length of the head, u32 length of the body`, little-endian, the head as JSON, the body. Both
 * ends send a sign of life while they have nothing to say, so that a long silence means that nobody is there.
 */
export class Wire {
  readonly #socket: Duplex
  readonly #ended = new AbortController()
  readonly #messages: Message[] = []
  readonly #idleBodies: Buffer[] = []
  #queuedBytes = 0
  #taker: { resolve(message: Message): void; reject(error: unknown): void } | undefined
  #failure: Error | undefined
  #sending: Promise<unknown> = Promise.resolve()
  #prefix = Buffer.alloc(PREFIX_BYTES)
  #part: { head: Buffer; body: Buffer; startedMs: number } | undefined
  #filled = 0
  #heardMs: number
  #writingSinceMs: number | undefined
  readonly #clock: Clock
  readonly #limitMs: number

  /** `first` is what had arrived on the socket already. */
  constructor(socket: Duplex, { clock, silenceLimitMs }: WireParts, first: Uint8Array = NOTHING) {
    this.#socket = socket
    this.#clock = clock
    this.#limitMs = silenceLimitMs
    this.#heardMs = this.#nowMs()
    socket.on('error', error => this.close(new WireBroken('The connection broke.', { cause: error })))
    socket.on('close', () => this.close(new WireBroken('The peer closed the connection.')))
    socket.on('end', () => this.close(new WireBroken('The peer ended the connection.')))
    socket.on('data', (bytes: Buffer) => {
      this.#take(bytes)
      if (socket instanceof TLSSocket) giveBack(bytes)
    })
    if (first.length > 0) this.#take(first)
    void this.#watch()
  }

  /** Aborts when the connection is gone. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** Resolves when the message has left, and its body may change; messages leave whole, in the order of the calls. */
  send(head: object, body: Body = NOTHING): Promise<void> {
    const text = Buffer.from(JSON.stringify(head))
    const pieces = body instanceof Uint8Array ? [body] : body
    const bodyBytes = pieces.reduce((sum, { length }) => sum + length, 0)
    if (text.length > MAX_HEAD_BYTES || bodyBytes > MAX_BODY_BYTES)
      return Promise.reject(new RangeError('A message to another machine would be too long.'))
    const start = Buffer.alloc(PREFIX_BYTES + text.length)
    start.writeUInt32LE(text.length, 0)
    start.writeUInt32LE(bodyBytes, 4)
    text.copy(start, PREFIX_BYTES)
    const sent = this.#sending.then(async () => {
      await this.#write(start)
      for (const piece of pieces)
        for (let at = 0; at < piece.length; at += WRITE_BYTES) await this.#write(piece.subarray(at, at + WRITE_BYTES))
    })
    this.#sending = sent.catch(() => {})
    return sent
  }

  /** The next message; one taker at a time. Throws `WireBroken`. */
  next(): Promise<Message> {
    const message = this.#messages.shift()
    if (!message) {
      if (this.#failure) return Promise.reject(this.#failure)
      return new Promise((resolve, reject) => {
        this.#taker = { resolve, reject }
      })
    }
    this.#queuedBytes -= message.body.length
    if (this.#socket.isPaused() && !this.#isFull()) {
      this.#heardMs = this.#nowMs() // it was we who did not listen
      this.#socket.resume()
    }
    return Promise.resolve(message)
  }

  /** Nobody looks at the body of a message any more: its memory may be another one's. */
  recycle({ buffer }: Buffer): void {
    if (buffer.byteLength >= LEAST_KEPT_BYTES && this.#idleBodies.length < MOST_IDLE_BODIES)
      this.#idleBodies.push(Buffer.from(buffer))
  }

  close(failure: Error = new WireBroken('The connection was closed.')): void {
    if (this.#failure) return
    this.#failure = failure
    this.#ended.abort(failure)
    this.#socket.destroy()
    this.#taker?.reject(failure)
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    this.#writingSinceMs = this.#nowMs()
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, error => {
        this.#writingSinceMs = undefined
        if (error) reject(this.#failure ?? new WireBroken('The connection broke.', { cause: error }))
        else resolve()
      }),
    )
  }

  #take(bytes: Uint8Array): void {
    this.#heardMs = this.#nowMs()
    try {
      for (let at = 0; at < bytes.length && !this.#failure; ) at += this.#takeSome(bytes.subarray(at))
    } catch (error) {
      this.close(error instanceof WireBroken ? error : new WireBroken('A message is malformed.', { cause: error }))
    }
    if (this.#isFull()) this.#socket.pause()
  }

  /** Puts bytes where they belong: the prefix, the head or the body. Answers how many it has used. */
  #takeSome(bytes: Uint8Array): number {
    const { head, body } = this.#part ?? { head: this.#prefix, body: NOTHING }
    const [target, at] =
      this.#filled < head.length || !this.#part ? [head, this.#filled] : [body, this.#filled - head.length]
    const taken = bytes.subarray(0, target.length - at)
    target.set(taken, at)
    this.#filled += taken.length
    if (this.#part && this.#filled === head.length + body.length) this.#finish(head, body)
    else if (!this.#part && this.#filled === PREFIX_BYTES) this.#begin()
    return taken.length
  }

  #begin(): void {
    this.#filled = 0
    const [headBytes, bodyBytes] = [this.#prefix.readUInt32LE(0), this.#prefix.readUInt32LE(4)]
    if (headBytes === 0 && bodyBytes === 0) return
    if (headBytes < 2 || headBytes > MAX_HEAD_BYTES || bodyBytes > MAX_BODY_BYTES)
      throw new WireBroken('A message has an impossible length.')
    // Nobody sees them before they are filled.
    this.#part = { head: Buffer.allocUnsafeSlow(headBytes), body: this.#bodyOf(bodyBytes), startedMs: this.#nowMs() }
  }

  #bodyOf(sizeBytes: number): Buffer {
    if (sizeBytes < LEAST_KEPT_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const fits = this.#idleBodies.findIndex(({ length }) => length >= sizeBytes)
    const [idle] = fits < 0 ? [] : this.#idleBodies.splice(fits, 1)
    const body = idle ?? Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / BODY_STEP_BYTES) * BODY_STEP_BYTES)
    return body.subarray(0, sizeBytes)
  }

  #finish(headText: Buffer, body: Buffer): void {
    this.#part = undefined
    this.#filled = 0
    const head: unknown = JSON.parse(headText.toString('utf8'))
    if (typeof head !== 'object' || head === null || Array.isArray(head))
      throw new WireBroken('A message is not an object.')
    const message = { head: head as Message['head'], body }
    const taker = this.#taker
    this.#taker = undefined
    if (taker) taker.resolve(message)
    else {
      this.#messages.push(message)
      this.#queuedBytes += body.length
    }
  }

  /** A crowd of empty messages weighs something too. */
  #isFull(): boolean {
    return this.#queuedBytes > MOST_QUEUED_BYTES || this.#messages.length > MOST_QUEUED
  }

  async #watch(): Promise<void> {
    while (!this.#failure) {
      await this.#clock.sleep(this.#limitMs / 4, this.#ended.signal)
      const nowMs = this.#nowMs()
      const isLate = (sinceMs: number | undefined, limitMs: number) =>
        sinceMs !== undefined && nowMs - sinceMs > limitMs
      if (isLate(this.#socket.isPaused() ? undefined : this.#heardMs, this.#limitMs))
        this.close(new WireBroken(`The peer was silent for ${this.#limitMs} ms.`))
      if (isLate(this.#writingSinceMs, this.#limitMs) || isLate(this.#lateMessageMs(), 2 * this.#limitMs))
        this.close(new WireBroken('The peer is too slow.'))
      if (!this.#failure && this.#writingSinceMs === undefined)
        this.#sending = this.#sending.then(() => this.#write(PING)).catch(() => {})
    }
  }

  #lateMessageMs(): number | undefined {
    return this.#socket.isPaused() ? undefined : this.#part?.startedMs
  }

  #nowMs(): number {
    return this.#clock.now().getTime()
  }
}

/**
 * Frees what TLS has decrypted, a piece of memory for every 16 KiB that nobody else has: left to be collected, they are as many as the
 * heap is looked through for, and each comes from memory that the processor's cache has forgotten.
 */
const giveBack = ({ buffer, byteLength }: Buffer<ArrayBufferLike>): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
