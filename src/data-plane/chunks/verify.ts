import { Bits } from './bits.ts'
import { idBytes, idText } from './chunk-index.ts'
import {
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  type ManifestId,
  ManifestMissing,
  type VerifyReport,
  type VerifyWish,
} from './chunk-store.ts'
import { findBad } from './find-bad.ts'
import { pageSlices, SLICE_BYTES } from './manifest.ts'
import { atWork, type StoreCore } from './store-core.ts'

/** Half a gibibyte or so: between two groups the threads wait for each other. */
const AT_ONCE = 16 * 1024

/** Checks chunks in groups and mends what can be mended. */
export class Verification {
  readonly #core: StoreCore
  readonly #watch: VerifyWish
  readonly heals: boolean
  readonly #seen = new Bits()
  readonly #lost = new Set<ChunkId>()
  readonly #group = new Uint8Array(AT_ONCE * 32)
  #grouped = 0
  readonly #totalBytes: number
  chunks = 0
  bytes = 0
  readonly corrupt: ChunkId[] = []
  readonly missing: ChunkId[] = []
  readonly healed: ChunkId[] = []

  constructor(core: StoreCore, watch: VerifyWish, totalBytes: number) {
    this.heals = watch.heals ?? true
    this.#core = core
    this.#watch = watch
    this.#totalBytes = totalBytes
  }

  async add(ids: Uint8Array, at: number): Promise<void> {
    const entry = this.#core.index.find(ids, at)
    if (entry >= 0) {
      if (!this.#seen.add(entry)) return
    } else {
      const id = idText(ids, at)
      if (this.#lost.has(id)) return
      this.#lost.add(id)
    }
    this.#group.set(ids.subarray(at, at + 32), this.#grouped++ * 32)
    if (this.#grouped === AT_ONCE) await this.check()
  }

  async check(): Promise<void> {
    const ids = this.#group.slice(0, this.#grouped * 32)
    this.#grouped = 0
    const good = (bytes: number) => {
      this.bytes += bytes
      this.#watch.onProgress?.(Math.min(this.bytes, this.#totalBytes), this.#totalBytes)
    }
    const bad = await findBad(this.#core, ids, good, this.#watch)
    this.chunks += ids.length / 32
    if (this.#core.index.suspects.size > 0) bad.push(...(await this.#lookAgain(ids, new Set(bad))))
    for (const i of bad) await this.#mend(idText(ids, i * 32))
  }

  /** What was found damaged once counts again if it decodes to what its id promises; answers which of it does not. */
  async #lookAgain(ids: Uint8Array, bad: ReadonlySet<number>): Promise<number[]> {
    const { index, damage } = this.#core
    const entryOf = (i: number) => index.find(ids, i * 32)
    const doubted = Array.from({ length: ids.length / 32 }, (_, i) => i).filter(
      i => !bad.has(i) && entryOf(i) >= 0 && index.isSuspect(entryOf(i)),
    )
    const doubtedIds = Buffer.concat(doubted.map(i => ids.subarray(i * 32, i * 32 + 32)))
    const still = new Set(await findBad(this.#core, doubtedIds, () => {}, { ...this.#watch, deep: true }))
    const cleared = doubted.filter((_, k) => !still.has(k)).map(entryOf)
    await damage.clear(cleared.filter(entry => entry >= 0))
    return doubted.filter((_, k) => still.has(k))
  }

  /** A manifest's root that is damaged, and that nobody else has, is one of the corrupt ones. */
  reportRoot(error: unknown): undefined {
    if (!(error instanceof ChunkCorrupt)) throw error
    this.corrupt.push(error.id)
  }

  async #mend(id: ChunkId): Promise<void> {
    const entry = this.#core.index.find(idBytes(id))
    const list = entry < 0 ? this.missing : this.corrupt
    list.push(id)
    if (!this.heals) return entry < 0 ? undefined : this.#core.damage.note(entry)
    try {
      if (await this.#core.reader.heal(id)) this.healed.push(id)
    } catch (error) {
      if (!(error instanceof ChunkCorrupt || error instanceof ChunkMissing)) throw error
    }
  }
}

/** Reads and checks every chunk of one manifest, or of all manifests and all packs. */
export const verify = (core: StoreCore, only: ManifestId | undefined, watch: VerifyWish = {}): Promise<VerifyReport> =>
  atWork(core, async work => {
    const { index } = core
    let totalBytes = 0
    if (only) totalBytes = (await core.manifests.read(only, watch.heals).catch(() => undefined))?.dataBytes ?? 0
    else
      for (let entry = 0; entry < index.limit; entry++) if (index.has(entry)) totalBytes += index.place(entry).sizeBytes
    const run = new Verification(core, watch, totalBytes)
    if (!only) {
      for (let entry = 0; entry < index.limit; entry++) {
        if (!index.has(entry)) continue
        work.lease.add(entry)
        await run.add(index.idOf(entry), 0)
      }
    }
    for (const id of only ? [only] : core.manifests.ids())
      if (only || core.manifests.has(id)) await verifyManifest(core, id, run)
    await run.check()
    const { chunks, bytes, corrupt, missing, healed } = run
    return { chunks, bytes, corrupt, missing, healed }
  })

/**
 * Looks at the chunks of a manifest that were found damaged, and heals what it can. Throws `ChunkCorrupt` if one stays so. As long as no
 * damage is known, nothing is read.
 */
export const requireUndamaged = async (core: StoreCore, manifest: ManifestId): Promise<void> => {
  const { index, manifests, reader } = core
  if (index.suspects.size === 0) return
  const run = new Verification(core, { deep: true }, 0)
  for (const { id } of (await manifests.read(manifest)).pages) {
    const slices = pageSlices(await reader.read(id))
    for (let at = 0; at < slices.length; at += SLICE_BYTES) {
      const entry = index.find(slices, at + 12)
      if (entry >= 0 && index.isSuspect(entry)) await run.add(slices, at + 12)
    }
  }
  await run.check()
  const healed = new Set(run.healed)
  const bad = [...run.corrupt, ...run.missing].find(id => !healed.has(id))
  if (bad !== undefined) throw new ChunkCorrupt(bad)
}

export const verifyManifest = async (
  core: StoreCore,
  id: ManifestId,
  run: Verification,
  which: 'all chunks' | 'lost chunks only' = 'all chunks',
): Promise<void> => {
  const unpin = core.leases.pin(id)
  try {
    if (!core.manifests.has(id)) throw new ManifestMissing(id)
    const manifest = await core.manifests.read(id, run.heals).catch(error => run.reportRoot(error))
    for (const page of manifest?.pages ?? []) {
      await run.add(Buffer.from(page.id, 'hex'), 0)
      const bytes = await (run.heals ? core.reader.read(page.id) : core.reader.peek(page.id)).catch(() => undefined) // reported by the check of the page itself
      if (!bytes) continue
      const slices = pageSlices(bytes)
      for (let at = 0; at < slices.length; at += SLICE_BYTES)
        if (which === 'all chunks' || core.index.find(slices, at + 12) < 0) await run.add(slices, at + 12)
    }
  } finally {
    unpin()
  }
}
