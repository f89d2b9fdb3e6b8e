import { invariant } from '#foundation/invariant.ts'
import { idText } from './chunk-index.ts'
import { hashOf, squeeze } from './chunk-kernel.ts'
import type { Ingested } from './chunk-store.ts'
import {
  encodePage,
  encodeRoot,
  MAX_IMAGE_BYTES,
  MAX_PAGE_SLICES,
  manifestIdOf,
  type PageRef,
  type Slice,
  spanBytesOf,
} from './manifest.ts'
import { nominalBytesFor } from './page-cut.ts'
import type { StoreCore, Work } from './store-core.ts'

/** Writes a manifest from slices in ascending order: its pages as they fill, its root at the end. */
export class ManifestWriter {
  readonly #core: StoreCore
  readonly #work: Work
  readonly #sizeBytes: number
  readonly nominalBytes: number
  readonly #pages: PageRef[] = []
  #page: Slice[] = []
  #dataBytes = 0

  constructor(core: StoreCore, work: Work, sizeBytes: number) {
    if (!(sizeBytes >= 0 && sizeBytes <= MAX_IMAGE_BYTES))
      throw new RangeError(`An image has at most ${MAX_IMAGE_BYTES} bytes, not ${sizeBytes}.`)
    this.#core = core
    this.#work = work
    this.#sizeBytes = sizeBytes
    this.nominalBytes = nominalBytesFor(sizeBytes)
  }

  async add(slices: readonly Slice[]): Promise<void> {
    for (const slice of slices) {
      const last = this.#page.at(-1)
      invariant(!last || last.offset + last.length <= slice.offset, 'Slices come in ascending order')
      this.#dataBytes += slice.length
      if (last && follows(last, slice)) {
        this.#page[this.#page.length - 1] = { ...last, length: last.length + slice.length }
        continue
      }
      const isFull = this.#page.length === MAX_PAGE_SLICES || (last && this.#span(last) !== this.#span(slice))
      if (isFull) await this.#endPage()
      this.#page.push(slice)
    }
  }

  /** Takes over a page of another manifest with the same spans, unread; `count` the bytes of all of these at some time. */
  async share(page: PageRef): Promise<void> {
    if (this.#page.length > 0) await this.#endPage()
    this.#pages.push(page)
  }

  /** Bytes in slices of shared pages. */
  count(dataBytes: number): void {
    this.#dataBytes += dataBytes
  }

  /** Makes everything durable, in the order chunks, manifest, hold. */
  async finish(hold: string, counts: { newBytes: number; storedBytes: number }): Promise<Ingested> {
    if (this.#page.length > 0) await this.#endPage()
    const root = encodeRoot({
      sizeBytes: this.#sizeBytes,
      dataBytes: this.#dataBytes,
      nominalBytes: this.nominalBytes,
      pages: this.#pages,
    })
    await this.#work.commit()
    const manifest = await publishRoot(this.#core, root, hold)
    return { manifest, sizeBytes: this.#sizeBytes, dataBytes: this.#dataBytes, ...counts }
  }

  #span(slice: Slice): number {
    return Math.floor(slice.offset / spanBytesOf(this.nominalBytes))
  }

  async #endPage(): Promise<void> {
    const slices = this.#page
    this.#page = []
    const first = slices[0]!
    const bytes = encodePage(slices, this.#span(first) * spanBytesOf(this.nominalBytes))
    const id = hashOf(bytes)
    this.#pages.push({ offset: first.offset, slices: slices.length, id: idText(id) })
    const stored = Buffer.from(squeeze(bytes))
    const encoding = stored.length < bytes.length ? 'zstd' : 'raw'
    const chunk = {
      id,
      start: 0,
      storedBytes: stored.length,
      sizeBytes: bytes.length,
      encoding,
      sum: hashOf(stored),
    } as const
    await this.#core.writer.append([chunk], stored, this.#work.lease)
  }
}

/** Whether two slices are one longer slice of the same chunk. */
export const follows = (a: Slice, b: Slice): boolean =>
  a.offset + a.length === b.offset && a.id === b.id && a.skip + a.length === b.skip

/** Stores a root whose chunks are durable, and holds it. Until it is held, being pinned keeps it. */
export const publishRoot = async (core: StoreCore, root: Uint8Array, hold: string) => {
  const unpin = core.leases.pin(manifestIdOf(root))
  try {
    const manifest = await core.manifests.put(root)
    await core.holds.set(hold, manifest)
    return manifest
  } finally {
    unpin()
  }
}
