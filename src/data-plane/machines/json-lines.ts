import * as net from 'node:net'
import type { Clock } from '#foundation/clock.ts'

/** The other side does not answer, or no longer, or speaks something else. */
export class LineSilent extends Error {
  override readonly name = 'LineSilent'
}

export interface JsonLines {
  send(message: unknown): void
  /** Why it ended, once it has. */
  readonly ended: Promise<Error>
  close(): void
}

/**
 * A unix socket on which both sides send JSON, a message per line: QEMU's monitor and its guest agent. A guest stands behind the
 * latter: lines are bounded, what is no JSON ends the connection, and nobody waits for longer than `connectMs` to be let in.
 */
export const connectJsonLines = async (
  socketFile: string,
  parts: {
    readonly clock: Clock
    readonly connectMs: number
    readonly maxLineBytes: number
    /** What may come between two messages of ours: whoever says more is not listened to. */
    readonly maxTurnBytes?: number
    onMessage(message: Record<string, unknown>): void
  },
): Promise<JsonLines> => {
  const socket = net.connect(socketFile)
  const ended = new Promise<Error>(resolve => {
    socket.once('error', error => resolve(new LineSilent(`${socketFile} broke off.`, { cause: error })))
    socket.once('close', () => resolve(new LineSilent(`${socketFile} was closed.`)))
  })
  const connected = new Promise<'connected'>(resolve => socket.once('connect', () => resolve('connected')))
  const first = await within(parts.clock, parts.connectMs, Promise.race([connected, ended]))
  if (first !== 'connected') {
    socket.destroy()
    throw first instanceof Error ? first : new LineSilent(`${socketFile} lets nobody in.`)
  }
  let turnBytes = 0
  socket.on('data', ({ length }) => {
    turnBytes += length
    if (turnBytes > (parts.maxTurnBytes ?? Number.POSITIVE_INFINITY))
      socket.destroy(new LineSilent(`${socketFile} talks without end.`))
  })
  readLines(socket, parts)
  return {
    send: message => {
      turnBytes = 0
      socket.write(`${JSON.stringify(message)}\n`)
    },
    ended,
    close: () => socket.destroy(),
  }
}

const readLines = (
  socket: net.Socket,
  { maxLineBytes, onMessage }: { readonly maxLineBytes: number; onMessage(message: Record<string, unknown>): void },
): void => {
  let parts: Buffer[] = []
  let bytes = 0
  const hear = (line: string) => {
    if (line.trim() === '') return
    const message: unknown = JSON.parse(line)
    if (typeof message === 'object' && message !== null) onMessage(message as Record<string, unknown>)
  }
  socket.on('data', data => {
    try {
      for (let rest = data; rest.length > 0; ) {
        const end = rest.indexOf(10)
        parts.push(end < 0 ? rest : rest.subarray(0, end))
        bytes += end < 0 ? rest.length : end
        if (bytes > maxLineBytes) throw new LineSilent(`A line of more than ${maxLineBytes} bytes.`)
        if (end < 0) return
        const line = Buffer.concat(parts, bytes).toString()
        parts = []
        bytes = 0
        rest = rest.subarray(end + 1)
        hear(line.replace('\xff', '').replace('\ufffd', '')) // the agent begins its first answer with a byte that is no text
      }
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}

/** What comes, or undefined if it takes longer. */
export const within = async <T>(clock: Clock, limitMs: number, what: Promise<T>): Promise<T | undefined> => {
  const done = new AbortController()
  try {
    return await Promise.race([what, clock.sleep(limitMs, done.signal).then(() => undefined)])
  } finally {
    done.abort()
  }
}
