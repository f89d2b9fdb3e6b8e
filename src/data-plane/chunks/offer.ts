import { idBytes } from './chunk-index.ts'
import type { ChunkId, ManifestId, StoredChunk } from './chunk-store.ts'
import { atWork, type StoreCore } from './store-core.ts'

const AT_ONCE = 64

/** Hands out chunks to another store, verified, as they are stored. A manifest's root can be asked for like a chunk. */
export async function* offerChunks(core: StoreCore, ids: readonly ChunkId[]): AsyncGenerator<StoredChunk> {
  for (let first = 0; first < ids.length; first += AT_ONCE) yield* await load(core, ids.slice(first, first + AT_ONCE))
}

const load = (core: StoreCore, ids: readonly ChunkId[]): Promise<StoredChunk[]> =>
  atWork(core, async work => {
    const chunks: StoredChunk[] = []
    const bad: ChunkId[] = []
    for (const id of ids) {
      const entry = core.index.find(idBytes(id))
      if (entry >= 0) work.lease.add(entry)
    }
    await core.reader.eachVerified(ids, (i, chunk) => {
      const id = ids[i]!
      if (!chunk) return void bad.push(id)
      const { encoding, sizeBytes } = chunk.place
      chunks.push({ id, encoding, sizeBytes, stored: Uint8Array.from(chunk.stored) })
    })
    for (const id of bad) chunks.push(await raw(core, id))
    return chunks
  })

const raw = async (core: StoreCore, id: ChunkId): Promise<StoredChunk> => {
  const asManifest = id as string as ManifestId
  const isRoot = core.manifests.has(asManifest) && core.index.find(idBytes(id)) < 0
  const stored = isRoot ? await core.manifests.root(asManifest) : await core.reader.recover(id)
  return { id, encoding: 'raw', sizeBytes: stored.length, stored }
}
