import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { ManifestId } from './chunk-store.ts'
import { decodeRoot, type Manifest, manifestIdOf } from './manifest.ts'
import { Turns } from './turns.ts'

const MAGIC = Buffer.from('OGRECV01', 'latin1')
const NAME = /^[0-9a-f]{64}$/
/** Whoever wanted the manifest asks again within minutes, or when a region is back; then nobody does. */
const KEPT_MS = 3 * 24 * 3600 * 1000

/**
 * Manifests of which a part has arrived: what is here of them is kept for some days, so that a transfer that was cut off goes on where
 * it was, whatever was collected meanwhile. A file each: when it began, and the root.
 */
export class Receives {
  readonly #files: Files
  readonly #clock: Clock
  readonly #folder: string
  readonly #known: Set<string>
  readonly #turns = new Turns()

  private constructor(files: Files, clock: Clock, folder: string, known: Set<string>) {
    this.#files = files
    this.#clock = clock
    this.#folder = folder
    this.#known = known
  }

  static async load(files: Files, clock: Clock, storeFolder: string): Promise<Receives> {
    const folder = path.join(storeFolder, 'receives') // made when it is needed: older stores have none
    const names = (await files.exists(folder)) ? await files.list(folder) : []
    for (const name of names) if (name.endsWith('.new')) await files.remove(path.join(folder, name)).catch(() => {})
    return new Receives(files, clock, folder, new Set(names.filter(name => NAME.test(name))))
  }

  now(): number {
    return this.#clock.now().getTime()
  }

  /** Keeps what is here of a manifest, and what will be. Durable when it resolves. */
  async keep(root: Uint8Array): Promise<void> {
    const name = manifestIdOf(root)
    await this.#turns.take(async () => {
      if (!(await this.#files.exists(this.#folder))) {
        await this.#files.makeFolder(this.#folder)
        await this.#files.syncDirectory(path.dirname(this.#folder))
      }
      const head = Buffer.alloc(16)
      MAGIC.copy(head)
      head.writeBigUInt64LE(BigInt(this.now()), 8)
      await replaceFile(this.#files, path.join(this.#folder, name), Buffer.concat([head, root]))
      this.#known.add(name) // not before: a collection would find nothing in it
    })
  }

  /** The manifest is held now, or nobody waits for it any more. What was not kept is fine. */
  async forget(name: string): Promise<void> {
    await this.#turns.take(async () => {
      if (!this.#known.has(name)) return
      await this.#files.remove(path.join(this.#folder, name))
      await this.#files.syncDirectory(this.#folder)
      this.#known.delete(name)
    })
  }

  /** Those that are still waited for; the others are forgotten. */
  async *all(): AsyncGenerator<Manifest> {
    for (const name of [...this.#known]) {
      const bytes = await readWhole(this.#files, path.join(this.#folder, name)).catch(() => Buffer.alloc(0))
      const manifest = this.#manifestOf(name as ManifestId, bytes)
      if (manifest) yield manifest
      else await this.forget(name).catch(() => {}) // a disk that takes no writes keeps it
    }
  }

  /** A damaged file costs a transfer what it had, and nothing else. */
  #manifestOf(id: ManifestId, bytes: Buffer): Manifest | undefined {
    if (bytes.length < 16 || !bytes.subarray(0, 8).equals(MAGIC)) return undefined
    if (Number(bytes.readBigUInt64LE(8)) + KEPT_MS <= this.now()) return undefined
    const root = bytes.subarray(16)
    return manifestIdOf(root) === id ? decodeRoot(root) : undefined
  }
}
