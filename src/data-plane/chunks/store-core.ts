import type { Bits } from './bits.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { ChunkIndex } from './chunk-index.ts'
import type { ChunkReader } from './chunk-reader.ts'
import type { CopyLimits } from './copy-limits.ts'
import type { DamageLog } from './damage-log.ts'
import type { HashWorkers } from './hash-workers.ts'
import type { Holds } from './holds.ts'
import type { Leases } from './leases.ts'
import type { ManifestFiles } from './manifest-files.ts'
import type { PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import type { Receives } from './receives.ts'
import type { Room } from './room.ts'

/** The parts of an open store that its operations share. */
export interface StoreCore {
  readonly workers: HashWorkers
  readonly room: Room
  /** `SEGMENT_BYTES` and a page: a part of an image, then what it becomes. */
  readonly segments: BufferPool
  readonly index: ChunkIndex
  readonly packFiles: PackFiles
  readonly writer: PackWriter
  readonly reader: ChunkReader
  readonly damage: DamageLog
  readonly leases: Leases
  readonly manifests: ManifestFiles
  readonly holds: Holds
  readonly receives: Receives
  readonly copyLimits: CopyLimits
}

/** A piece of work that adds chunks or counts on chunks that are there. */
export interface Work {
  readonly lease: Bits
  /** Everything that the work counts on is durable when it resolves; rejects if some of it was lost to a failing disk. */
  commit(): Promise<void>
}

/** Runs work under a lease: no collection frees what it uses. */
export const atWork = async <T>(core: StoreCore, run: (work: Work) => Promise<T>): Promise<T> => {
  const lease = core.leases.take()
  const failures = core.writer.failures
  const commit = async () => {
    await core.writer.commit()
    if (core.writer.failures !== failures) throw core.writer.lastFailure
  }
  try {
    return await run({ lease, commit })
  } finally {
    core.leases.giveBack(lease)
  }
}
