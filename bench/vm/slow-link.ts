import { once } from 'node:events'
import * as net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Pace {
  readonly bytesPerSecond: number
  /** From one end to the other: half a round trip. */
  readonly delayMs: number
}

/** So far ahead of the wire a sender is read: the buffer of a router. */
const bufferMs = 20

/** One direction of a link, which all connections share: tells when what is sent now has arrived. */
export class Wire {
  readonly #pace: Pace
  #freeAtMs = 0

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** When these bytes, sent at `nowMs`, come out at the other end, in ms; they queue behind what was sent before. */
  arrivalMs(bytes: number, nowMs: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes / this.#pace.bytesPerSecond) * 1000
    return this.#freeAtMs + this.#pace.delayMs
  }

  /** How long who sends is to wait until the queue is short again, in ms. */
  backlogMs(nowMs: number): number {
    return Math.max(0, this.#freeAtMs - nowMs - bufferMs)
  }
}

/** A relay to a port of this machine that passes things on as a slow link would. It counts what came from there. */
export interface SlowLink {
  readonly port: number
  readonly receivedBytes: number
  /** `undefined`: as fast as it goes. For what is sent from now on. */
  limit(pace: Pace | undefined): void
  close(): void
}

export const startSlowLink = async (to: number): Promise<SlowLink> => {
  let wires: { readonly up: Wire; readonly down: Wire } | undefined
  let receivedBytes = 0
  const sockets = new Set<net.Socket>()
  const pass = async (from: net.Socket, into: net.Socket, direction: 'up' | 'down') => {
    let last: Promise<unknown> = Promise.resolve()
    // What has ended in one direction goes on in the other.
    for await (const part of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (direction === 'down') receivedBytes += part.length
      const wire = wires?.[direction]
      const atMs = wire?.arrivalMs(part.length, performance.now()) ?? 0
      last = last.then(async () => {
        if (wire) await sleep(Math.max(0, atMs - performance.now()))
        if (!into.write(part)) await Promise.race([once(into, 'drain'), once(into, 'close')])
      })
      if (wire) await sleep(wire.backlogMs(performance.now()))
      else await last
    }
    await last
    into.end()
  }
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, near => {
    const far = net.connect({ port: to, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const both = [near, far] as const
    for (const socket of both) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => both.map(each => each.destroy()))
    }
    const broken = () => both.map(each => each.destroy())
    pass(near, far, 'up').catch(broken)
    pass(far, near, 'down').catch(broken)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    get receivedBytes() {
      return receivedBytes
    },
    limit(pace) {
      wires = pace && { up: new Wire(pace), down: new Wire(pace) }
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
