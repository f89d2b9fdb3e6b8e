import assert from 'node:assert/strict'
import { ChunkCorrupt, type ChunkStore, type ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { seededRandom } from '#foundation/random.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { CrashingDisk } from './crashing-files.ts'

/** One region of two disks, two of one. */
export const STORES: Readonly<Record<string, readonly string[]>> = {
  east: ['/disk/east0', '/disk/east1'],
  west: ['/disk/west'],
  north: ['/disk/north'],
}

/** What is held under a name of a region, as it was acknowledged; while that is open, both ends of the change are allowed. */
export interface Held {
  readonly region: string
  readonly name: string
  readonly manifest: ManifestId | undefined
  readonly image: Buffer
  /** Stores that must have it, each whole by itself. */
  copies: number
  state: 'held' | 'released' | 'in doubt'
  /** Something decayed that nobody else had: it may be told as corrupt, but never read as something else. */
  mayBeDamaged: boolean
}

const wholeOf = async (bytes: SparseBytes): Promise<Buffer> => {
  try {
    const content = Buffer.alloc(bytes.sizeBytes)
    await bytes.read(0, content)
    return content
  } finally {
    await bytes.close()
  }
}

/** Undefined for what is told as corrupt, and may be. */
export const readOf = async (
  from: { open(manifest: ManifestId): Promise<SparseBytes> },
  manifest: ManifestId,
  { mayBeDamaged }: Held,
): Promise<Buffer | undefined> => {
  try {
    return await wholeOf(await from.open(manifest))
  } catch (error) {
    if (mayBeDamaged && error instanceof ChunkCorrupt) return undefined
    throw error
  }
}

/** What the regions have acknowledged. A name is used once, so that what is found under it can be nothing else. */
export class Model {
  readonly #held = new Map<string, Held>()
  #names = 0

  newName(): string {
    return `name ${++this.#names}`
  }

  all(): Held[] {
    return [...this.#held.values()].filter(({ state }) => state === 'held')
  }

  /** Until the call is acknowledged the name may hold the image or nothing. */
  async promise(
    region: string,
    image: Buffer,
    call: (name: string) => Promise<{ manifest: ManifestId; copies: number }>,
    mayBeDamaged = false,
  ): Promise<void> {
    const name = this.newName()
    const held: Held = { region, name, manifest: undefined, image, copies: 0, state: 'in doubt', mayBeDamaged }
    this.#held.set(name, held)
    const { manifest, copies } = await call(name)
    this.#held.set(name, { ...held, manifest, copies, state: 'held' })
  }

  /** What is made of something damaged may be damaged as well, or refused for that. */
  async derive(
    { mayBeDamaged }: { readonly mayBeDamaged: boolean },
    region: string,
    image: Buffer,
    call: (name: string) => Promise<{ manifest: ManifestId; copies: number }>,
  ): Promise<void> {
    try {
      await this.promise(region, image, call, mayBeDamaged)
    } catch (error) {
      if (!(mayBeDamaged && error instanceof ChunkCorrupt)) throw error
    }
  }

  /** Whether something that is damaged may be held, or is being written again by who brings the same. */
  isDamaged = false

  /** Something decayed that nobody has another copy of. What comes from now on must not count on it. */
  decay(): void {
    this.isDamaged = true
    for (const held of this.#held.values()) held.mayBeDamaged = true
  }

  async release(held: Held, isCertain: () => boolean, call: () => Promise<void>): Promise<void> {
    held.state = 'in doubt'
    held.copies = 0
    await call()
    if (isCertain()) held.state = 'released'
  }

  /**
   * Opens every store by itself, with nobody to heal it: what it holds reads as it was written, what was acknowledged is in as many
   * stores as promised, and what was released in none. What was in doubt is settled by what is found. `look` sees the stores of each region too.
   */
  async check(
    disk: CrashingDisk,
    look: (region: string, stores: readonly ChunkStore[]) => Promise<void>,
  ): Promise<void> {
    const found = new Map<string, { count: number; manifest: ManifestId }>()
    for (const [region, folders] of Object.entries(STORES)) {
      const stores: ChunkStore[] = []
      for (const folder of folders) stores.push(await this.#checkStore(disk, region, folder, found))
      await look(region, stores)
      for (const store of stores) await store.close()
    }
    for (const held of this.#held.values()) {
      const { count = 0, manifest } = found.get(held.name) ?? {}
      const what = `${held.name} of ${held.region} is held by ${count} stores`
      if (held.state === 'held') assert.ok(count >= held.copies, `${what}, ${held.copies} were acknowledged`)
      if (held.state === 'released') assert.equal(count, 0, `${what} after its release`)
      if (manifest && held.manifest) assert.equal(manifest, held.manifest, `${held.name} holds another manifest`)
      if (count === 0) this.#held.delete(held.name)
      else this.#held.set(held.name, { ...held, manifest, copies: count, state: 'held' })
    }
  }

  async #checkStore(
    disk: CrashingDisk,
    region: string,
    folder: string,
    found: Map<string, { count: number; manifest: ManifestId }>,
  ): Promise<ChunkStore> {
    const parts = {
      random: seededRandom(folder.length + 1000 * disk.calls),
      clock: new FakeClock(),
      workers: hashInThread(),
    }
    const store = await openStore(folder, { ...parts, files: disk.files() })
    for await (const { name, manifest } of store.holds()) {
      const held = this.#held.get(name)
      assert.ok(held && held.region === region, `${folder} holds ${name}, which nobody asked for`)
      const content = await readOf(store, manifest, held)
      assert.ok(content?.equals(held.image) ?? true, `${name} of ${folder} reads as it was written`)
      found.set(name, { count: (found.get(name)?.count ?? 0) + 1, manifest })
    }
    return store
  }
}
