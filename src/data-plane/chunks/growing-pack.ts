import type { OpenFile } from '#foundation/files.ts'
import type { Place } from './chunk-index.ts'
import type { Pack } from './pack-files.ts'
import { INDEX_HEAD, PACK_HEAD, type PackRecord } from './pack-format.ts'

export interface PackPair {
  readonly pack: OpenFile
  readonly index: OpenFile
}

/** A pack that still grows, or that is full but not yet durable. */
export interface GrowingPack extends Pack {
  readonly opened: Promise<PackPair>
  readonly writes: Set<Promise<void>>
  /** The flush that goes on while the pack grows, and what was written since it began. */
  flushing: Promise<void> | undefined
  unflushedBytes: number
  readonly records: PackRecord[]
  /** Where chunks that are doubted lie, until the copies in this pack are durable: the old ones may be good after all. */
  readonly doubted: Map<number, Place>
  /** How many of `records` are durable, and where they end in the pack and in the index file. */
  committed: number
  committedEnd: number
  indexEnd: number
  full: boolean
  named: boolean
  failure: unknown
}

/** A pack with nothing in it, whose files are being made. */
export const growingPack = (number: number, name: string, opened: Promise<PackPair>): GrowingPack => ({
  number,
  name,
  bodyEnd: PACK_HEAD.length,
  isFinished: false,
  proof: Promise.resolve(true),
  opened,
  writes: new Set(),
  flushing: undefined,
  unflushedBytes: 0,
  records: [],
  doubted: new Map(),
  committed: 0,
  committedEnd: PACK_HEAD.length,
  indexEnd: INDEX_HEAD.length,
  full: false,
  named: false,
  failure: undefined,
})
