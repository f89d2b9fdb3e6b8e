import type { ChunkSource, SharedPack } from './chunk-store.ts'
import type { Pack } from './pack-files.ts'
import { RECORD_BYTES } from './pack-format.ts'
import type { Appended } from './pack-writer.ts'
import type { StoreCore, Work } from './store-core.ts'

/** After a crash these are packs without an index, which the next opening has to read: few. */
const AT_ONCE = 8

type Packs = NonNullable<ChunkSource['packs']>
interface Wanted {
  readonly pack: SharedPack
  storedBytes: number
}
/** A pack with its new name, and the part of its table that is to count here. */
interface Linked {
  readonly pack: Pack
  readonly table: Buffer
}

/** Sums up in which packs of a source the wanted chunks lie; `link` takes over those that are mostly wanted. */
export class PackLinks {
  readonly #core: StoreCore
  readonly #packs: Packs
  readonly #wanted = new Map<string, Wanted>()

  constructor(core: StoreCore, packs: Packs) {
    this.#core = core
    this.#packs = packs
  }

  /** `ids`: 32 bytes each. */
  async want(ids: Uint8Array): Promise<void> {
    for (const pack of await this.#packs(ids)) {
      const sum = this.#wanted.get(pack.file) ?? { pack, storedBytes: 0 }
      sum.storedBytes += pack.storedBytes
      this.#wanted.set(pack.file, sum)
    }
  }

  /**
   * Durable when it resolves. What can't be linked, because it lies on another file system or is damaged, say, is left to be sent: so
   * no failure is told.
   */
  async link(work: Work): Promise<Appended> {
    const packs = [...this.#wanted.values()]
      .filter(({ pack, storedBytes }) => storedBytes >= this.#core.copyLimits.leastShare * pack.bodyBytes)
      .map(({ pack }) => pack)
    const all = { newBytes: 0, storedBytes: 0 }
    for (let first = 0; first < packs.length; first += AT_ONCE) {
      const some = await this.#linkSome(packs.slice(first, first + AT_ONCE), work).catch(() => undefined)
      if (!some) break
      all.newBytes += some.newBytes
      all.storedBytes += some.storedBytes
    }
    return all
  }

  /** Packs durable under their new names, then their index files: an index never names bytes that are not there. */
  async #linkSome(packs: readonly SharedPack[], work: Work): Promise<Appended> {
    const { packFiles, writer } = this.#core
    const made: Pack[] = []
    try {
      const linked: Linked[] = []
      for (const shared of packs) {
        const pack: Pack = { ...writer.newName(), bodyEnd: 0, isFinished: true, proof: Promise.resolve(true) }
        made.push(pack)
        await packFiles.link(shared, pack.name)
        const table = (await shared.prove()) ? await this.#look(shared, pack) : undefined
        if (table && table.length > 0) linked.push({ pack, table })
        else await packFiles.remove(pack) // it is damaged, or somebody else has brought its chunks meanwhile
      }
      await packFiles.syncPacks()
      for (const { pack, table } of linked) await packFiles.writeIndex(pack.name, table, pack.bodyEnd)
      await packFiles.syncIndexes()
      return this.#admit(linked, work)
    } catch (error) {
      for (const pack of made) await packFiles.remove(pack).catch(() => {})
      throw error
    }
  }

  /** Chunks that are here already are not named, so that this pack never stands for them; nor are those that the source doubts. */
  async #look(shared: SharedPack, pack: Pack): Promise<Buffer> {
    const { index, packFiles } = this.#core
    const table = await packFiles.table(pack)
    if (!table) throw new Error(`${shared.file} has no table.`)
    pack.bodyEnd = table.bodyEnd
    const lacking = recordsWhere(table.bytes, at => index.findGood(table.bytes, at) < 0)
    const offered = (await this.#packs(idsOf(lacking))).find(({ file }) => file === shared.file)
    const offsets = new Set(offered?.offsets) // of two copies in one pack the source means the right one
    return recordsWhere(lacking, at => offsets.has(lacking.readUInt32LE(at + 32)))
  }

  #admit(linked: readonly Linked[], work: Work): Appended {
    const all = { newBytes: 0, storedBytes: 0 }
    for (const { pack, table } of linked) {
      const { newBytes, storedBytes } = this.#core.writer.admit(pack, table, work.lease)
      all.newBytes += newBytes
      all.storedBytes += storedBytes
    }
    return all
  }
}

const recordsWhere = (table: Buffer, isWanted: (at: number) => boolean): Buffer => {
  const parts: Buffer[] = []
  let start = 0
  for (let at = 0; at < table.length; at += RECORD_BYTES) {
    if (isWanted(at)) continue
    if (at > start) parts.push(table.subarray(start, at))
    start = at + RECORD_BYTES
  }
  if (start === 0) return table // nearly always
  return Buffer.concat([...parts, table.subarray(start)])
}

const idsOf = (table: Buffer): Buffer => {
  const ids = Buffer.alloc((table.length / RECORD_BYTES) * 32)
  for (let at = 0; at < table.length; at += RECORD_BYTES) table.copy(ids, (at / RECORD_BYTES) * 32, at, at + 32)
  return ids
}
