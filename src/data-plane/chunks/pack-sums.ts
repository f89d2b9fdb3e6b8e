import { frameOf, readFrames } from './frames.ts'
import type { PackRecord } from './pack-format.ts'

/** The layout of the sums beside a finished pack; docs/chunk-format.md draws it. */
const SUMS_HEAD = Buffer.from('OGSUMS01\0\0\0\0\0\0\0\0', 'latin1')
const SUM_BYTES = 40

/** SHA-256 of chunks as they are stored, by where they lie in their pack: proof of the bytes on the disk without decoding them. */
export interface PackSums {
  find(offset: number, storedBytes: number): Uint8Array | undefined
}

export const noSums: PackSums = { find: () => undefined }

/** Undefined if none of the chunks came with a sum. */
export const encodeSums = (records: readonly PackRecord[]): Buffer | undefined => {
  const known = records.filter(({ sum }) => sum)
  if (known.length === 0) return undefined
  const payload = Buffer.alloc(known.length * SUM_BYTES)
  for (const [i, { place, sum }] of known.entries()) {
    payload.writeUInt32LE(place.offset, i * SUM_BYTES)
    payload.writeUInt32LE(place.storedBytes, i * SUM_BYTES + 4)
    payload.set(sum!, i * SUM_BYTES + 8)
  }
  return Buffer.concat([SUMS_HEAD, frameOf(payload)])
}

/** A damaged or torn file says nothing: then the chunks are decoded. */
export const decodeSums = (file: Buffer): PackSums => {
  if (!file.subarray(0, SUMS_HEAD.length).equals(SUMS_HEAD)) return noSums
  const [payload] = readFrames(file, SUMS_HEAD.length).payloads
  const places = new Map<number, number>()
  for (let at = 0; payload && at + SUM_BYTES <= payload.length; at += SUM_BYTES)
    places.set(payload.readUInt32LE(at), at)
  return {
    find(offset, storedBytes) {
      const at = places.get(offset)
      if (at === undefined || payload?.readUInt32LE(at + 4) !== storedBytes) return undefined
      return payload.subarray(at + 8, at + SUM_BYTES)
    },
  }
}
