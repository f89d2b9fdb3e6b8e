import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { HostileDisk } from './hostile-disk.ts'

/** Bounds what one read may allocate, whatever a header says. */
const maxPartBytes = 64 * 2 ** 20

/** A whole structure of a disk file. One that leaves the file makes the file a truncated one, which is refused. */
export const filePart = async (file: SparseBytes, offset: number, length: number, what: string): Promise<Buffer> => {
  requireInside(file, offset, length, what)
  if (length > maxPartBytes) throw new HostileDisk(`The ${what} claims to be ${length} bytes long, which is absurd.`)
  const part = Buffer.alloc(length)
  await file.read(offset, part)
  return part
}

/** Refuses a structure that leaves the file, without reading it. */
export const requireInside = (file: SparseBytes, offset: number, length: number, what: string): void => {
  if (Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= file.sizeBytes) return
  throw new HostileDisk(
    `The ${what} lies at bytes ${offset} to ${offset + length}, but the file has ${file.sizeBytes}: ` +
      'the file is truncated or damaged. Download or export it again.',
  )
}

/** A 64-bit number of a header as a JavaScript number; beyond 2^53 nothing is sane. */
export const sane = (value: bigint, what: string): number => {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new HostileDisk(`The ${what} is ${value}, which is absurd.`)
  return Number(value)
}

/** Marks places of a file in use; taking one twice is refused, so that a small file can't claim endless data. */
export class Places {
  readonly #taken: Uint8Array
  readonly #unitBytes: number
  readonly #what: string

  constructor(fileSizeBytes: number, unitBytes: number, what: string) {
    this.#taken = new Uint8Array(Math.ceil(fileSizeBytes / unitBytes / 8) + 1)
    this.#unitBytes = unitBytes
    this.#what = what
  }

  take(offset: number): void {
    const unit = Math.floor(offset / this.#unitBytes)
    const byte = Math.floor(unit / 8)
    const bit = 1 << (unit % 8)
    if ((this.#taken[byte] ?? 0) & bit)
      throw new HostileDisk(
        `Two ${this.#what} lie at the same place (byte ${offset}) of the file: the file is damaged.`,
      )
    this.#taken[byte] = (this.#taken[byte] ?? 0) | bit
  }
}

/** Refuses pieces of one length that overlap. Sorts the offsets. */
export const requireApart = (offsets: Float64Array, length: number, what: string): void => {
  offsets.sort()
  for (let index = 1; index < offsets.length; index++) {
    const offset = offsets[index] ?? 0
    if (offset - (offsets[index - 1] ?? 0) < length)
      throw new HostileDisk(`Two ${what} overlap at byte ${offset} of the file: the file is damaged.`)
  }
}
