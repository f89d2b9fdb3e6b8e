import * as path from 'node:path'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import { ChunkCorrupt, type ChunkId, type ManifestId, ManifestMissing } from './chunk-store.ts'
import { decodeRoot, type Manifest, manifestIdOf } from './manifest.ts'
import { Turns } from './turns.ts'

const NAME = /^[0-9a-f]{64}$/

/** The roots of the manifests: one file each, named by its hash. */
export class ManifestFiles {
  readonly #files: Files
  readonly #folder: string
  readonly #known: Set<ManifestId>
  /** A failing disk may hold their files, now or after a crash: they must go before their chunks do. */
  readonly #inDoubt = new Set<ManifestId>()
  readonly #turns = new Turns()
  /** Gets a damaged root from elsewhere. */
  readonly #recover: (id: ManifestId) => Promise<Uint8Array | undefined>

  private constructor(
    files: Files,
    folder: string,
    known: Set<ManifestId>,
    recover: (id: ManifestId) => Promise<Uint8Array | undefined>,
  ) {
    this.#files = files
    this.#folder = folder
    this.#known = known
    this.#recover = recover
  }

  static async load(
    files: Files,
    storeFolder: string,
    recover: (id: ManifestId) => Promise<Uint8Array | undefined>,
  ): Promise<ManifestFiles> {
    const folder = path.join(storeFolder, 'manifests')
    const names = await files.list(folder)
    return new ManifestFiles(files, folder, new Set(names.filter(name => NAME.test(name)) as ManifestId[]), recover)
  }

  has(id: ManifestId): boolean {
    return this.#known.has(id)
  }

  ids(): ManifestId[] {
    return [...this.#known]
  }

  get count(): number {
    return this.#known.size
  }

  /** Durable when it resolves; one that is there but damaged is written again. The chunks must be durable before. */
  async put(root: Uint8Array): Promise<ManifestId> {
    const id = manifestIdOf(root)
    await this.#turns.take(async () => {
      if (this.#known.has(id) && (await this.#readGood(id))) return
      this.#inDoubt.add(id)
      await replaceFile(this.#files, this.#fileOf(id), root)
      this.#inDoubt.delete(id)
      this.#known.add(id)
    })
    return id
  }

  /** Throws `ChunkCorrupt` for one that is damaged, and that nobody else has or may be asked for. */
  async root(id: ManifestId, heals = true): Promise<Uint8Array> {
    if (!this.#known.has(id)) throw new ManifestMissing(id)
    const root = await this.#readGood(id)
    if (root) return root
    if (!this.#known.has(id)) throw new ManifestMissing(id)
    const healed = heals ? await this.#recover(id) : undefined
    if (!healed || manifestIdOf(healed) !== id) throw new ChunkCorrupt(id as string as ChunkId)
    // A disk that takes no writes must not keep the root from whoever reads: the next read asks again.
    await this.#turns.take(() => replaceFile(this.#files, this.#fileOf(id), healed)).catch(() => {})
    return healed
  }

  async read(id: ManifestId, heals = true): Promise<Manifest> {
    return decodeRoot(await this.root(id, heals))
  }

  /** From this moment they don't exist; their files are gone for good when it resolves. */
  async remove(ids: readonly ManifestId[]): Promise<void> {
    for (const id of ids) {
      this.#known.delete(id)
      this.#inDoubt.add(id)
    }
    await this.#turns.take(async () => {
      const doomed = [...this.#inDoubt].filter(id => !this.#known.has(id))
      if (doomed.length === 0) return
      for (const id of doomed) await this.#files.remove(this.#fileOf(id))
      await this.#files.syncDirectory(this.#folder)
      for (const id of doomed) this.#inDoubt.delete(id)
    })
  }

  async #readGood(id: ManifestId): Promise<Uint8Array | undefined> {
    const root = await readWhole(this.#files, this.#fileOf(id)).catch(() => undefined)
    return root && manifestIdOf(root) === id ? root : undefined
  }

  #fileOf(id: ManifestId): string {
    return path.join(this.#folder, id)
  }
}
