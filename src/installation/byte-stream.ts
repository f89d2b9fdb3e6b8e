import { Readable } from 'node:stream'
import type { Clock } from '#foundation/clock.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'

const pieceBytes = 2 * 1024 * 1024
/** Who takes nothing for so long is gone, or holds our memory for fun. */
const patienceMs = 120_000

/** `[start, end)` as a stream that reads one piece ahead of what it hands out, and closes the bytes however it ends. */
export const byteStream = (bytes: SparseBytes, start: number, end: number, clock: Clock): Readable => {
  let offset = start
  let ahead: Promise<Buffer> | undefined
  let taken = new AbortController()
  const readOn = (): Promise<Buffer> | undefined => {
    if (offset >= end) return undefined
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, end - offset))
    const read = bytes.read(offset, piece).then(() => piece)
    read.catch(() => {}) // told when it is its turn
    offset += piece.length
    return read
  }
  const stream = new Readable({
    highWaterMark: 1,
    read() {
      taken.abort()
      const next = ahead ?? readOn()
      if (!next) return void stream.push(null)
      next.then(
        piece => {
          if (stream.destroyed) return
          ahead = readOn()
          taken = new AbortController()
          const { signal } = taken
          void clock.sleep(patienceMs, signal).then(() => {
            if (!signal.aborted) stream.destroy(new Error('Nobody took what was read.'))
          })
          stream.push(piece)
        },
        error => stream.destroy(error),
      )
    },
    destroy(error, done) {
      taken.abort()
      const close = () => bytes.close().then(() => done(error), done)
      ;(ahead ?? Promise.resolve()).then(close, close)
    },
  })
  return stream
}
