import type { Socket } from 'node:net'
import * as tls from 'node:tls'
import type { Clock } from '#foundation/clock.ts'

/** The other side is gone, silent in the middle of something, or speaks no NBD: there is nobody to answer. */
export class LineBroken extends Error {
  override readonly name = 'LineBroken'
}

/** How long the other side may leave us waiting for the rest of something, or for room to send. */
const patienceMs = 60_000
/** What may have arrived and wait for somebody to take it; the other side is left waiting then. */
const mostArrivedBytes = 64 * 1024

/** A connection as a protocol wants it: so many bytes, please; and here are some for you. */
export class Line {
  readonly #clock: Clock
  #socket: Socket
  #failure: Error | undefined
  #wake: () => void = () => {}
  /** In the order in which they came. */
  readonly #arrived: Buffer[] = []
  #arrivedBytes = 0
  #isEnded = false
  sentBytes = 0

  constructor(socket: Socket, clock: Clock) {
    this.#clock = clock
    this.#socket = socket
    this.#attach()
  }

  /** Exactly `length` bytes, 64 KiB at most. Waits for the first one as long as it takes, for the rest not for long. */
  async take(length: number): Promise<Buffer> {
    for (;;) {
      const bytes = this.takeNow(length)
      if (bytes) return bytes
      if (this.#failure || this.#isEnded || this.#socket.destroyed) throw this.#broken()
      if (this.#arrivedBytes > 0) await this.#soon(this.#moved())
      else await this.#moved()
    }
  }

  /** The same, if so much has arrived. */
  takeNow(length: number): Buffer | undefined {
    if (length > this.#arrivedBytes) return undefined
    let bytes = this.#arrived.shift() ?? Buffer.alloc(0)
    if (bytes.length < length) {
      bytes = Buffer.concat([bytes, ...this.#arrived])
      this.#arrived.length = 0
    }
    if (bytes.length > length) this.#arrived.unshift(bytes.subarray(length))
    this.#arrivedBytes -= length
    if (this.#arrivedBytes < mostArrivedBytes && this.#socket.isPaused()) this.#socket.resume()
    return bytes.subarray(0, length)
  }

  /** Passes over bytes without keeping them. */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; left -= Math.min(left, mostArrivedBytes))
      await this.take(Math.min(left, mostArrivedBytes))
  }

  /** Sends all of it together; resolves once the system has all of it: from then on the parts may be written to. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    await this.sendSoon(...parts)
  }

  /** The same; answers nothing if the system has all of it already. */
  sendSoon(...parts: readonly Uint8Array[]): Promise<void> | undefined {
    const socket = this.#socket
    if (this.#failure || socket.destroyed) throw this.#broken()
    let told = () => {}
    if (parts.length > 1) socket.cork()
    for (const [i, part] of parts.entries()) {
      socket.write(part, i === parts.length - 1 ? () => told() : undefined)
      this.sentBytes += part.length
    }
    if (parts.length > 1) socket.uncork()
    if (socket.writableLength === 0) return undefined
    return this.#sent(
      new Promise(resolve => {
        told = resolve
      }),
    )
  }

  async #sent(sent: Promise<void>): Promise<void> {
    await this.#soon(sent)
    if (this.#failure || this.#socket.destroyed) throw this.#broken()
  }

  /** Goes on under TLS. What the client sent before was sent in the clear, perhaps by somebody else: nothing of it may remain. */
  startTls(secureContext: tls.SecureContext): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners('data')
    if (this.#arrivedBytes + plain.readableLength > 0)
      throw new LineBroken('Bytes came in the clear behind the request for TLS.')
    const secured = new tls.TLSSocket(plain, { isServer: true, secureContext })
    this.#socket = secured
    return this.#soon(
      new Promise((resolve, reject) => {
        secured.once('secure', () => {
          this.#attach()
          resolve()
        })
        const failed = () => reject(new LineBroken('The TLS handshake failed.'))
        secured.once('error', failed)
        secured.once('close', failed)
      }),
    )
  }

  /** Sends what is still to be sent and hangs up. */
  async end(): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) return
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.destroySoon()
    await this.#soon(closed)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #attach(): void {
    const socket = this.#socket
    socket.on('data', (bytes: Buffer) => {
      this.#arrived.push(bytes)
      this.#arrivedBytes += bytes.length
      if (this.#arrivedBytes >= mostArrivedBytes) socket.pause()
      this.#wake()
    })
    socket.on('end', () => {
      this.#isEnded = true
      this.#wake()
    })
    socket.on('close', () => this.#wake())
    socket.on('error', error => {
      this.#failure = error
      this.#wake()
    })
  }

  #moved(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  async #soon(what: Promise<void>): Promise<void> {
    const done = new AbortController()
    const late = this.#clock.sleep(patienceMs, done.signal).then(() => {
      if (!done.signal.aborted) this.destroy()
    })
    try {
      await Promise.race([what, late.then(() => what)])
    } finally {
      done.abort()
    }
  }

  #broken(): LineBroken {
    return new LineBroken('The connection ended.', { cause: this.#failure })
  }
}
