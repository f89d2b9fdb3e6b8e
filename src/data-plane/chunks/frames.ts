import { hashOf } from './chunk-kernel.ts'

/**
 * Append-only files are sequences of frames: `u32 length, payload, first 16 bytes of the payload's SHA-256`. A crash can only
 * leave a torn frame at the end, which the checksum tells from a whole one.
 */
const CHECKSUM_BYTES = 16
const HEAD_BYTES = 4

export const frameOf = (payload: Uint8Array): Buffer => {
  const frame = Buffer.alloc(HEAD_BYTES + payload.length + CHECKSUM_BYTES)
  frame.writeUInt32LE(payload.length, 0)
  frame.set(payload, HEAD_BYTES)
  frame.set(hashOf(payload).subarray(0, CHECKSUM_BYTES), HEAD_BYTES + payload.length)
  return frame
}

export interface Frames {
  readonly payloads: readonly Buffer[]
  /** Where the first torn or damaged frame starts: the file's length if there is none. */
  readonly validBytes: number
}

/** All whole frames from `offset` up to the first that is not. */
export const readFrames = (bytes: Buffer, offset = 0): Frames => {
  const payloads: Buffer[] = []
  let at = offset
  while (at + HEAD_BYTES + CHECKSUM_BYTES <= bytes.length) {
    const start = at + HEAD_BYTES
    const end = start + bytes.readUInt32LE(at)
    if (end + CHECKSUM_BYTES > bytes.length) break
    const payload = bytes.subarray(start, end)
    if (
      !hashOf(payload)
        .subarray(0, CHECKSUM_BYTES)
        .equals(bytes.subarray(end, end + CHECKSUM_BYTES))
    )
      break
    payloads.push(payload)
    at = end + CHECKSUM_BYTES
  }
  return { payloads, validBytes: at }
}
