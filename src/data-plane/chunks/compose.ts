import { requireRange } from '#foundation/sparse-bytes.ts'
import { type Ingested, ManifestMissing, type Piece } from './chunk-store.ts'
import { type Layout, manifestLayout } from './layout.ts'
import type { Slice } from './manifest.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { atWork, type StoreCore } from './store-core.ts'
import { tidy } from './tidy.ts'

/** Makes a manifest of pieces of others. */
export const compose = async (core: StoreCore, pieces: readonly Piece[], hold: string): Promise<Ingested> => {
  const unpins = pieces.map(piece => ('manifest' in piece ? core.leases.pin(piece.manifest) : () => {}))
  try {
    return await atWork(core, async work => {
      const layouts = await layoutsOf(core, pieces)
      const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
      const manifest = new ManifestWriter(core, work, sizeBytes)
      const counts = { newBytes: 0, storedBytes: 0 }
      for await (const tidied of tidy(core, work, slicesOf(pieces, layouts), manifest.nominalBytes)) {
        await manifest.add(tidied.slices)
        counts.newBytes += tidied.newBytes
        counts.storedBytes += tidied.storedBytes
      }
      return manifest.finish(hold, counts)
    })
  } finally {
    for (const unpin of unpins) unpin()
  }
}

/** One layout per manifest, however many pieces are of it. Checks every piece before anything is written. */
const layoutsOf = async (core: StoreCore, pieces: readonly Piece[]): Promise<Map<string, Layout>> => {
  const layouts = new Map<string, Layout>()
  for (const piece of pieces) {
    if (!Number.isSafeInteger(piece.length) || piece.length < 0)
      throw new RangeError(`A piece of ${piece.length} bytes.`)
    if ('hole' in piece) continue
    if (!core.manifests.has(piece.manifest)) throw new ManifestMissing(piece.manifest)
    const layout = layouts.get(piece.manifest) ?? manifestLayout(await core.manifests.read(piece.manifest), core.reader)
    layouts.set(piece.manifest, layout)
    requireRange(piece.offset, piece.length, layout.sizeBytes)
  }
  return layouts
}

async function* slicesOf(pieces: readonly Piece[], layouts: Map<string, Layout>): AsyncGenerator<Slice[]> {
  let start = 0
  for (const piece of pieces) {
    if ('manifest' in piece) {
      const shift = start - piece.offset
      for await (const slices of layouts.get(piece.manifest)!.slices(piece.offset, piece.offset + piece.length))
        yield slices.map(slice => ({ ...slice, offset: slice.offset + shift }))
    }
    start += piece.length
  }
}
