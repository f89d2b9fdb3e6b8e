import type {
  ChunkSource,
  CollectionPlan,
  Draft,
  Ingested,
  ManifestId,
  Piece,
  Repairs,
  ScrubState,
  StoreRoom,
  StoreStats,
  VerifyReport,
  VerifyWish,
  Watch,
} from '#data-plane/chunks/chunk-store.ts'
import type { ChangedBytes, SparseBytes } from '#foundation/sparse-bytes.ts'

/** What a region keeps of a manifest after `Regions.hold`. */
export interface Held {
  /** Stores of the region that hold every byte, and have checked those that were not linked: never more than the region has stores. */
  readonly copies: number
  /** Bytes of the image that the region did not have, after deduplication, before compression. */
  readonly newBytes: number
  /** What travelled: nothing of what was linked. */
  readonly sentBytes: number
}

/** A region that is not configured, or whose stores can't be used now. */
export class RegionUnreachable extends Error {
  override readonly name = 'RegionUnreachable'
  readonly region: string
  constructor(region: string, options?: ErrorOptions) {
    super(`Region ${region} can't be reached.`, options)
    this.region = region
  }
}

/** The disks of a region are so full that it takes no new bytes; what it has can be read, released and collected. */
export class RegionFull extends Error {
  override readonly name = 'RegionFull'
  readonly region: string
  constructor(region: string, options?: ErrorOptions) {
    super(`Region ${region} has no space left for new data.`, options)
    this.region = region
  }
}

/** How one store of a region is. */
export interface StoreHealth {
  readonly url: string
  /** `full`: no new bytes are taken. `missing`: the folder is empty or holds another store. `unreachable`: it can't be used now. */
  readonly state: 'ready' | 'full' | 'missing' | 'unreachable'
  /** What is wrong, as a sentence. */
  readonly problem?: string
  /** The last time that the disk failed since the start, whatever came of it. */
  readonly lastFault?: { readonly time: string; readonly message: string }
  readonly stats?: StoreStats
  readonly room?: StoreRoom
  readonly scrub?: ScrubState
  readonly repairs?: Repairs
}

/**
 * The regions' stores behind one face. A region has one or more stores (folders on different disks, say); a replica is a whole
 * copy in one store, and two replicas never share a store. Names of regions are Azure's short ones: `eastus`.
 */
export interface Regions {
  readonly names: readonly string[]
  /** How many replicas a region can keep apart. */
  storeCount(region: string): number
  /** How many of them can be used now and have room for new bytes. */
  roomyStores(region: string): Promise<number>
  /** Takes bytes into the region's first store that has room, held under `hold`. */
  ingest(region: string, source: SparseBytes, hold: string, watch?: Watch): Promise<Ingested>
  /** Makes a manifest of pieces of stored ones, without copying what no piece's edge cuts, and holds it. */
  compose(region: string, pieces: readonly Piece[], hold: string): Promise<Ingested>
  /**
   * Makes a manifest of a stored one and what has changed since, in a store that has it, and holds it; the cost follows the change.
   * Throws `ManifestMissing`. The change stays open.
   */
  ingestChange(region: string, base: ManifestId, change: ChangedBytes, hold: string, watch?: Watch): Promise<Ingested>
  /** A range of a stored manifest as a manifest of its own, without copying: a fixed VHD without its footer. */
  slice(region: string, manifest: ManifestId, offset: number, sizeBytes: number, hold: string): Promise<Ingested>
  /** The bytes of a manifest that a store of the region has; corrupt chunks are healed from other stores, of any region. */
  open(region: string, manifest: ManifestId): Promise<SparseBytes>
  /**
   * Makes the region hold a manifest in `copies` of its stores (or in as many as it has), copied from whatever store of any
   * region has it, each chunk verified on arrival. Repeatable; asking for fewer copies than before drops the surplus.
   */
  hold(region: string, manifest: ManifestId, hold: string, copies: number, watch?: Watch): Promise<Held>
  /**
   * Takes a manifest from outside of all regions into the region's first store. Chunks that `from` leaves out are looked for in the
   * stores of all regions. Repeatable: what the store has is not asked for.
   */
  receive(region: string, manifest: ManifestId, from: ChunkSource, hold: string, watch?: Watch): Promise<Ingested>
  /** Some store, of any region, that has the manifest, as the source of its chunks. Throws `ManifestMissing`. */
  offer(manifest: ManifestId): Promise<ChunkSource>
  /** Gives up a hold in every store of the region. What was not held is fine. */
  release(region: string, hold: string): Promise<void>
  /** Every hold in the region, once per name. */
  holds(region: string): AsyncIterable<{ name: string; manifest: ManifestId }>
  planCollection(region: string): Promise<CollectionPlan>
  collect(region: string): Promise<CollectionPlan>
  verify(region: string, manifest?: ManifestId, wish?: VerifyWish): Promise<VerifyReport>
  /** Reads and heals the next part of each store, at the caller's pace; false if nothing is due in any. */
  scrub(region: string, intervalMs: number, pace: (bytes: number) => Promise<void>): Promise<boolean>
  stats(region: string): Promise<readonly (StoreStats & { readonly url: string })[]>
  /** How each store of the region is; never throws for one that can't be used. */
  health(region: string): Promise<readonly StoreHealth[]>
  /**
   * An image under construction in one of the region's stores: the one with this id, or a new one. If it is in no store that can be
   * used, and another one can't, that one may have it: `RegionUnreachable`, unless nobody has been given it to write to so far (`isNew`).
   */
  draft(region: string, id: string, sizeBytes: number, isNew?: boolean): Promise<Draft>
  /** Throws `RegionUnreachable` while the store that has it may be one that can't be used. */
  findDraft(region: string, id: string): Promise<Draft | undefined>
  close(): Promise<void>
}
