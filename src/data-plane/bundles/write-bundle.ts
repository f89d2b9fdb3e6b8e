import { ChunkIndex, idBytes } from '#data-plane/chunks/chunk-index.ts'
import { unsqueeze } from '#data-plane/chunks/chunk-kernel.ts'
import {
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  type ManifestId,
  ManifestMissing,
  type StoredChunk,
  type Watch,
} from '#data-plane/chunks/chunk-store.ts'
import { checkPage, decodeRoot, type Manifest, manifestIdOf, type Slice } from '#data-plane/chunks/manifest.ts'
import type { BundleFile } from './bundle-file.ts'
import { refuseUnless } from './bundle-record.ts'

/** Who has the images: chunks of one of them, in any order. A root is asked for like a chunk. */
export type ImageSource = (manifest: ManifestId, ids: readonly ChunkId[]) => AsyncIterable<StoredChunk>

const PAGES_AT_ONCE = 8
const CHUNKS_AT_ONCE = 512
const SYNC_BYTES = 256 * 2 ** 20
const anywhere = { pack: 0, offset: 0, storedBytes: 0, sizeBytes: 1, encoding: 'raw' } as const

/**
 * Appends to a bundle that has its head what is missing of its images, apart from the chunks of those that it builds on. What the
 * file has already is not asked for again, so an interrupted export goes on where it stopped.
 */
export const writeImages = async (bundle: BundleFile, source: ImageSource, watch: Watch = {}): Promise<void> => {
  const head = bundle.head()
  refuseUnless(!bundle.isEnded, 'it is complete already')
  const base = await chunksOf(head.base, source, watch)
  const seen = new Set<ChunkId>()
  const totalBytes = head.images.reduce((sum, image) => sum + image.sizeBytes, 0)
  let [doneBytes, synced] = [0, bundle.sizeBytes]
  for (const image of head.images) {
    const get = withFile(bundle, image.manifest, source)
    const manifest = await rootOf(image.manifest, get, root => bundle.appendChunk('root', root))
    for await (const { pages, slices } of pagesOf(manifest, base, seen, get)) {
      for (const page of pages) await bundle.appendChunk('chunk', page)
      const wanted = [...new Set(slices.map(slice => slice.id))].filter(id => !bundle.has(id) && !isIn(base, id))
      for (let first = 0; first < wanted.length; first += CHUNKS_AT_ONCE) {
        watch.signal?.throwIfAborted()
        for await (const chunk of source(image.manifest, wanted.slice(first, first + CHUNKS_AT_ONCE)))
          await bundle.appendChunk('chunk', chunk)
      }
      for (const id of wanted) if (!bundle.has(id)) throw new ChunkMissing(id)
      watch.onProgress?.(doneBytes + (slices.at(-1)?.offset ?? 0), totalBytes)
      if (bundle.sizeBytes - synced < SYNC_BYTES) continue
      await bundle.sync()
      synced = bundle.sizeBytes
    }
    doneBytes += image.sizeBytes
    watch.onProgress?.(doneBytes, totalBytes)
  }
}

const isIn = (index: ChunkIndex, id: ChunkId): boolean => index.find(idBytes(id)) >= 0

/** Every chunk and page of some images. One that is not there any more is no base: nothing of it is left out. */
const chunksOf = async (manifests: readonly ManifestId[], source: ImageSource, watch: Watch): Promise<ChunkIndex> => {
  const index = new ChunkIndex()
  const add = (id: ChunkId) => {
    if (!isIn(index, id)) index.add(idBytes(id), 0, anywhere)
  }
  const seen = new Set<ChunkId>()
  for (const id of manifests) {
    watch.signal?.throwIfAborted()
    const get: Get = ids => source(id, ids)
    try {
      const manifest = await rootOf(id, get)
      const mine = new Set<ChunkId>()
      const nothing = new ChunkIndex()
      for await (const { pages, slices } of pagesOf(manifest, nothing, seen, get))
        for (const item of [...pages, ...slices]) mine.add(item.id)
      for (const chunk of mine) add(chunk)
    } catch (error) {
      if (!(error instanceof ManifestMissing)) throw error
    }
  }
  return index
}

type Get = (ids: readonly ChunkId[]) => AsyncIterable<StoredChunk>

/** The chunks of an image, from the bundle where it has them. */
const withFile = (bundle: BundleFile, manifest: ManifestId, source: ImageSource): Get =>
  async function* (ids) {
    const missing: ChunkId[] = []
    for (const id of ids) {
      const record = await bundle.record(id)
      if (record) yield record
      else missing.push(id)
    }
    if (missing.length > 0) yield* source(manifest, missing)
  }

const rootOf = async (
  id: ManifestId,
  get: Get,
  use: (root: StoredChunk) => Promise<void> = async () => {},
): Promise<Manifest> => {
  for await (const root of get([id as string as ChunkId])) {
    if (root.encoding !== 'raw' || manifestIdOf(root.stored) !== id) throw new ChunkCorrupt(id as string as ChunkId)
    const manifest = decodeRoot(root.stored)
    await use(root)
    return manifest
  }
  throw new ManifestMissing(id)
}

/** The pages of an image that are neither in `base` nor were handed out before, a few at a time, with what they list. */
async function* pagesOf(
  manifest: Manifest,
  base: ChunkIndex,
  seen: Set<ChunkId>,
  get: Get,
): AsyncGenerator<{ pages: StoredChunk[]; slices: Slice[] }> {
  const numbers = [...manifest.pages.keys()].filter(number => {
    const { id } = manifest.pages[number]!
    return !isIn(base, id) && !seen.has(id)
  })
  for (let first = 0; first < numbers.length; first += PAGES_AT_ONCE) {
    const group = numbers.slice(first, first + PAGES_AT_ONCE)
    const ids = new Set(group.map(number => manifest.pages[number]!.id))
    const found = new Map<ChunkId, StoredChunk>()
    for await (const page of get([...ids])) found.set(page.id, page)
    const slices = group.flatMap(number => checkPage(manifest, number, contentOf(manifest.pages[number]!.id, found)))
    yield { pages: [...found.values()], slices }
    for (const id of ids) seen.add(id)
  }
}

const contentOf = (id: ChunkId, found: ReadonlyMap<ChunkId, StoredChunk>): Uint8Array => {
  const page = found.get(id)
  if (!page) throw new ChunkMissing(id)
  const bytes = unsqueeze(page.stored, page.encoding, page.sizeBytes, idBytes(id))
  if (!bytes) throw new ChunkCorrupt(id)
  return bytes
}
