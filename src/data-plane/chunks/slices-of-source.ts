import { idBytes } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import { type ChunkId, ChunkMissing, type ChunkSource, type ManifestId } from './chunk-store.ts'
import { checkPage, decodeRoot, type Slice } from './manifest.ts'

/** Some pages of a manifest: what its image consists of from there on. */
export interface SomeSlices {
  readonly sizeBytes: number
  readonly slices: readonly Slice[]
  /** The page after these; undefined after the last one. */
  readonly next: number | undefined
}

/** The slices of `count` pages of a manifest, whatever store has it. Throws `ManifestMissing`, `ChunkMissing` or `ChunkCorrupt`. */
export const slicesOfSource = async (
  source: ChunkSource,
  id: ManifestId,
  first: number,
  count: number,
): Promise<SomeSlices> => {
  const manifest = decodeRoot(await source.manifestRoot(id))
  const pages = manifest.pages.slice(first, first + count)
  const found = new Map<ChunkId, Uint8Array>()
  for await (const { id: page, encoding, sizeBytes, stored } of source.chunks([
    ...new Set(pages.map(({ id }) => id)),
  ])) {
    const bytes = unsqueeze(stored, encoding, sizeBytes, idBytes(page))
    if (bytes) found.set(page, Uint8Array.from(bytes))
  }
  const slices = pages.flatMap((page, i) => {
    const bytes = found.get(page.id)
    if (!bytes) throw new ChunkMissing(page.id)
    return checkPage(manifest, first + i, bytes)
  })
  const next = first + count
  return { sizeBytes: manifest.sizeBytes, slices, next: next < manifest.pages.length ? next : undefined }
}
