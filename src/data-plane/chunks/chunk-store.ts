import type { ChangedBytes, SparseBytes } from '#foundation/sparse-bytes.ts'

/** SHA-256 of a chunk's bytes, 64 lower-case hex digits. */
export type ChunkId = string & { readonly brand: 'ChunkId' }

/** SHA-256 of a manifest's root record, 64 lower-case hex digits: equal ids mean equal bytes. */
export type ManifestId = string & { readonly brand: 'ManifestId' }

/** How far a long piece of work is, in bytes of the disk image, and a way to stop it. */
export interface Watch {
  onProgress?(doneBytes: number, totalBytes: number): void
  readonly signal?: AbortSignal
}

/** What became of bytes that were taken in. */
export interface Ingested {
  readonly manifest: ManifestId
  /** Nominal size, holes included. */
  readonly sizeBytes: number
  /** Bytes in chunks: what is not a hole and not zero. */
  readonly dataBytes: number
  /** Of `dataBytes`, those that this store did not hold before. */
  readonly newBytes: number
  /** What `newBytes` take in this store after compression. */
  readonly storedBytes: number
  /** Of `storedBytes`, those that were not copied but lie in files that another store has under names of its own. */
  readonly linkedBytes?: number
}

/** A chunk as it lies in a pack: `encoding` says how `stored` becomes the `sizeBytes` bytes whose SHA-256 is `id`. */
export interface StoredChunk {
  readonly id: ChunkId
  readonly encoding: 'raw' | 'zstd'
  readonly sizeBytes: number
  readonly stored: Uint8Array
  /**
   * SHA-256 of `stored`, taken when its store wrote it. A receiver that gets one proves by it that the bytes came as they were written, and
   * does not decode them: whoever hands out sums vouches that what was written is what `id` promises.
   */
  readonly sum?: Uint8Array
}

/** A chunk among others: its stored bytes begin at `start` of what they all lie in. */
export interface BatchedChunk extends Omit<StoredChunk, 'stored'> {
  readonly start: number
  readonly storedBytes: number
}

/** Chunks on their way, one behind the other in memory as they do in packs, to be checked, written and sent together. */
export interface StoredBatch {
  readonly chunks: readonly BatchedChunk[]
  /** The stored bytes of all chunks, and nothing else. Whoever got them may change them. */
  readonly bytes: Uint8Array
  /** Nobody looks at `bytes` any more: their memory may be another batch's. */
  release(): void
}

/** A finished pack in a folder of this machine: nobody ever writes to it again, so that stores can have it in common. */
export interface SharedPack {
  readonly file: string
  /** The sums of its stored bytes, if there are any. */
  readonly sumsFile: string
  /** What all chunks in it take together. */
  readonly bodyBytes: number
  /** Where in it those of the chunks lie that were asked for, none of which is known to be damaged, and what they take. */
  readonly offsets: readonly number[]
  readonly storedBytes: number
  /**
   * Whether all chunks that its store has in there are on the disk as they were written. Reads and checks them once, unless that was
   * done, or the pack was written, since the store was opened.
   */
  prove(): Promise<boolean>
}

/** What a store offers to another one that wants the same manifest, or a lost chunk back. */
export interface ChunkSource {
  /** The encoded root of a manifest. Throws `ManifestMissing`. */
  manifestRoot(manifest: ManifestId): Promise<Uint8Array>
  /** The chunks asked for, in any order. Throws `ChunkMissing` or `ChunkCorrupt`: each is verified before it is handed out. */
  chunks(ids: readonly ChunkId[]): AsyncIterable<StoredChunk>
  /**
   * The same as they lie there, nothing verified, and without those that can't be read: for a receiver that checks every one itself
   * and asks `chunks` for what is bad or was left out. Sums come with them only from stores of this installation's own making. A
   * mebibyte at a time, or one chunk: a thousand chunks handed on one by one cost more than their bytes.
   */
  stored?(ids: readonly ChunkId[]): AsyncIterable<StoredBatch>
  /**
   * In which files chunks (32 bytes each) lie that may be linked instead of being sent. Only from stores in folders of this machine.
   */
  packs?(ids: Uint8Array): Promise<readonly SharedPack[]>
}

/** A piece of a new manifest: a range of a stored one, or a hole. */
export type Piece =
  | { readonly manifest: ManifestId; readonly offset: number; readonly length: number }
  | { readonly hole: true; readonly length: number }

/**
 * A name under which a manifest is kept: garbage collection removes what no hold reaches. One name holds one manifest at most.
 * The names belong to the caller; any text of up to 1,024 characters.
 */
export interface Hold {
  readonly name: string
  readonly manifest: ManifestId
}

export interface CollectionPlan {
  readonly manifests: number
  readonly chunks: number
  /** What leaves the disk. */
  readonly freedBytes: number
  /** What other stores have in common with this one: it leaves the disk with the last of them. */
  readonly sharedBytes: number
}

export interface VerifyWish extends Watch {
  /** False only tells what is damaged and notes it, so that new work does not count on it. True if it is left out. */
  readonly heals?: boolean
  /**
   * True decodes every chunk and checks it against its id. Otherwise that is only done where there is no SHA-256 of the stored
   * bytes beside the pack: those prove that what was written is there, in a third of the time.
   */
  readonly deep?: boolean
}

export interface VerifyReport {
  readonly chunks: number
  readonly bytes: number
  readonly corrupt: readonly ChunkId[]
  readonly missing: readonly ChunkId[]
  /** Of the corrupt and missing ones, those that `heal` gave back and that are whole here again. */
  readonly healed: readonly ChunkId[]
}

export interface StoreStats {
  readonly chunks: number
  readonly packs: number
  readonly storedBytes: number
  /** Of `storedBytes`, what lies in files that other stores have as well. */
  readonly sharedBytes: number
  readonly manifests: number
  /** Of `chunks`, those that were found damaged and not healed: new work does not count on them. */
  readonly damaged: number
}

/** How far the last round of `scrub` came, and what it found so far. */
export interface ScrubState {
  readonly startedAt: string
  /** While it is not there, the round goes on. */
  readonly finishedAt?: string
  /** Packs up to this number were read. */
  readonly afterPack: number
  readonly bytes: number
  readonly corrupt: number
  readonly missing: number
  readonly healed: number
}

/** Chunks that other replicas gave back, as far back as is told: the log of a store goes on further. */
export interface Repairs {
  readonly count: number
  readonly last: { readonly time: string; readonly chunk: ChunkId; readonly was: 'corrupt' | 'missing' } | undefined
}

/** What the disk under a store can still take; below the reserve new bytes are refused. */
export interface StoreRoom {
  readonly freeBytes: number
  readonly reserveBytes: number
}

/** Where a store asks for a chunk that it lost: another replica. `undefined` if nobody has it. */
export type Heal = (id: ChunkId) => Promise<StoredChunk | undefined>

/**
 * A deduplicating store of disk images in one folder. Whatever a method acknowledged survives `kill -9` and power loss.
 * All methods may run concurrently; one process owns the folder.
 */
export interface ChunkStore extends ChunkSource {
  /** Made with the store and kept: two stores with one id are the same store. */
  readonly id: string
  /** Throws `StoreFull` while the disk is so full that whatever brings new bytes is refused. */
  requireRoom(): Promise<void>
  /** Undefined where the file system does not tell. */
  room(): Promise<StoreRoom | undefined>
  /** Splits, deduplicates and stores the bytes, then holds them under `hold`. The source stays open. */
  ingest(source: SparseBytes, hold: string, watch?: Watch): Promise<Ingested>
  /**
   * Makes a manifest of a stored one and what has changed since, and holds it; the cost follows the change. The bytes around a change
   * are read and verified. Throws `ManifestMissing`. The change stays open.
   */
  ingestChange(base: ManifestId, change: ChangedBytes, hold: string, watch?: Watch): Promise<Ingested>
  /** Makes a manifest of pieces of stored ones, reading only the chunks that a piece's edge cuts, and holds it. */
  compose(pieces: readonly Piece[], hold: string): Promise<Ingested>
  /** Takes over a manifest from another store, fetching only the chunks that are missing here, and holds it. Repeatable. */
  receive(manifest: ManifestId, from: ChunkSource, hold: string, watch?: Watch): Promise<Ingested>
  /** The bytes of a manifest; every chunk is verified when read, and healed if `heal` was given to the store. */
  open(manifest: ManifestId): Promise<SparseBytes>
  describe(manifest: ManifestId): Promise<{ sizeBytes: number; dataBytes: number }>

  /**
   * Holds a manifest that this store has under one more name; a name that held another manifest moves. Throws `ManifestMissing`, and
   * `ChunkCorrupt` if some of it is known to be damaged and can't be healed: `receive` may get it from elsewhere.
   */
  hold(name: string, manifest: ManifestId): Promise<void>
  /** A name that holds nothing is fine. */
  release(name: string): Promise<void>
  held(name: string): Promise<ManifestId | undefined>
  holds(): AsyncIterable<Hold>

  /** Makes an image that can be written at any offset, or opens the one with this id. Size in bytes, all zeros at first. */
  draft(id: string, sizeBytes: number): Promise<Draft>
  /** The draft of that id, if there is one. */
  findDraft(id: string): Promise<Draft | undefined>

  /** What `collect` would free. */
  planCollection(): Promise<CollectionPlan>
  /** Frees what no hold, draft or running work reaches. Safe beside everything else. */
  collect(): Promise<CollectionPlan>
  /** Reads and checks every chunk, of one manifest or of all, as deep as is wished, and heals what is damaged. */
  verify(manifest?: ManifestId, wish?: VerifyWish): Promise<VerifyReport>
  /** Reads and heals the next part of the store, a pack or so; false if nothing is due. See `Scrub`. */
  scrub(intervalMs: number, pace: (bytes: number) => Promise<void>): Promise<boolean>
  /** Undefined before the first round. */
  scrubState(): Promise<ScrubState | undefined>
  repairs(): Promise<Repairs>
  stats(): Promise<StoreStats>
  /** Waits for what is under way and closes the files. */
  close(): Promise<void>
}

/**
 * An image under construction, as an upload writes it: bytes become chunks as they arrive. A write is durable when it resolves;
 * later writes win over earlier ones. Kept until `discard`, also across restarts.
 */
export interface Draft {
  readonly id: string
  readonly sizeBytes: number
  /** What all writes so far have added to the store, before and after compression; kept across restarts. */
  readonly written: { readonly newBytes: number; readonly storedBytes: number }
  /**
   * Starts as the content of a stored manifest, as far as the size goes; copies nothing. For a draft that nobody has written to:
   * throws `DraftBegun` for another. Throws `ManifestMissing`, and `ChunkCorrupt` if some of it is
   * damaged; the draft is empty then.
   */
  begin(manifest: ManifestId): Promise<void>
  write(offset: number, bytes: Uint8Array): Promise<void>
  /** Makes a range read as zeros again. */
  clear(offset: number, length: number): Promise<void>
  resize(sizeBytes: number): Promise<void>
  /** What has been written so far, zeros elsewhere. A view: later writes show. */
  bytes(): SparseBytes
  /** Makes a manifest of the present content without reading it again, and holds it. The draft stays writable. */
  seal(hold: string): Promise<Ingested>
  discard(): Promise<void>
}

/** Something was written to a draft already. */
export class DraftBegun extends Error {
  override readonly name = 'DraftBegun'
  constructor() {
    super('The draft has content already.')
  }
}

export class ChunkMissing extends Error {
  override readonly name = 'ChunkMissing'
  readonly id: ChunkId
  constructor(id: ChunkId) {
    super(`Chunk ${id} is missing.`)
    this.id = id
  }
}

export class ChunkCorrupt extends Error {
  override readonly name = 'ChunkCorrupt'
  readonly id: ChunkId
  constructor(id: ChunkId, options?: ErrorOptions) {
    super(`Chunk ${id} does not have the bytes that its id promises.`, options)
    this.id = id
  }
}

export class ManifestMissing extends Error {
  override readonly name = 'ManifestMissing'
  readonly id: ManifestId
  constructor(id: ManifestId) {
    super(`Manifest ${id} is missing.`)
    this.id = id
  }
}
