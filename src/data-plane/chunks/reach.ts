import { invariant } from '#foundation/invariant.ts'
import { idText } from './chunk-index.ts'
import type { ManifestId } from './chunk-store.ts'
import { pageSlices, SLICE_BYTES } from './manifest.ts'
import type { StoreCore } from './store-core.ts'

/**
 * Which chunks the walked manifests reach, kept from one collection to the next: how many of their pages name each chunk. A page never
 * changes, so a collection reads the pages of the manifests that came or went since the last one, and of no others.
 */
export class Reach {
  readonly #core: StoreCore
  /** The pages of each walked manifest, and of how many walked manifests each page is one. By entry number, like all here. */
  readonly #manifests = new Map<ManifestId, Uint32Array>()
  readonly #pages = new Map<number, number>()
  #namings = new Uint32Array(4096)
  /** A chunk that was not there when a page was counted would not be counted when it comes back: then all is counted anew. */
  #isWhole = true
  #failures = 0

  constructor(core: StoreCore) {
    this.#core = core
  }

  /** Begins a collection with what the last one knew, if that can be relied on. */
  begin(): void {
    // Chunks that a failing disk lost have left the index, and their numbers may mean others by now.
    if (!this.#isWhole || this.#failures !== this.#core.writer.failures) this.forget()
    this.#failures = this.#core.writer.failures
  }

  /** The next collection walks everything. */
  forget(): void {
    this.#manifests.clear()
    this.#pages.clear()
    this.#namings.fill(0)
    this.#isWhole = true
  }

  has(entry: number): boolean {
    return (this.#namings[entry] ?? 0) > 0 || this.#pages.has(entry)
  }

  hasManifest(id: ManifestId): boolean {
    return this.#manifests.has(id)
  }

  manifests(): ManifestId[] {
    return [...this.#manifests.keys()]
  }

  /** Walks a manifest. Throws if its root or a page can't be read; `forget` then, for half of it is counted. */
  async add(id: ManifestId): Promise<void> {
    const pages: number[] = []
    for (const page of (await this.#core.manifests.read(id)).pages) {
      const bytes = Buffer.from(page.id, 'hex')
      let entry = this.#core.index.find(bytes)
      if (entry < 0 || !this.#pages.has(entry)) {
        const slices = pageSlices(await this.#core.reader.read(page.id))
        entry = this.#core.index.find(bytes) // it may have been healed just now
        if (!this.#pages.has(entry)) this.#count(slices, 1)
      }
      if (entry < 0) {
        this.#isWhole = false
        continue
      }
      this.#pages.set(entry, (this.#pages.get(entry) ?? 0) + 1)
      pages.push(entry)
    }
    this.#manifests.set(id, Uint32Array.from(pages))
  }

  /** Takes a manifest back. Throws if a page that goes with it can't be read; `forget` then. */
  async drop(id: ManifestId): Promise<void> {
    const pages = this.#manifests.get(id)
    invariant(pages, 'A manifest that is dropped was walked')
    this.#manifests.delete(id)
    for (const entry of pages) {
      const count = this.#pages.get(entry)!
      if (count > 1) {
        this.#pages.set(entry, count - 1)
        continue
      }
      const slices = pageSlices(await this.#core.reader.read(idText(this.#core.index.idOf(entry))))
      this.#pages.delete(entry)
      this.#count(slices, -1)
    }
  }

  #count(slices: Buffer, step: 1 | -1): void {
    const { index } = this.#core
    if (this.#namings.length < index.limit) {
      const grown = new Uint32Array(Math.max(index.limit, this.#namings.length * 2))
      grown.set(this.#namings)
      this.#namings = grown
    }
    for (let at = 0; at < slices.length; at += SLICE_BYTES) {
      const entry = index.find(slices, at + 12)
      if (entry < 0) this.#isWhole = false
      else this.#namings[entry]! += step
    }
  }
}
