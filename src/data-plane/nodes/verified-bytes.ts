import { idBytes } from '#data-plane/chunks/chunk-index.ts'
import { unsqueeze } from '#data-plane/chunks/chunk-kernel.ts'
import { ChunkCorrupt, type ChunkId, ChunkMissing, type ChunkSource } from '#data-plane/chunks/chunk-store.ts'
import type { ChunkBytes } from '#data-plane/chunks/layout.ts'
import type { Slice } from '#data-plane/chunks/manifest.ts'
import { MAX_CHUNK_BYTES } from '#data-plane/chunks/page-cut.ts'

const CACHE_BYTES = 16 * 1024 * 1024
const MOST_ASKED = 512

/** Chunks of a store elsewhere, each checked here against its id before a byte of it is used. */
export class RemoteChunks implements ChunkBytes {
  readonly #source: Pick<ChunkSource, 'chunks'>
  /** Decoded chunks, the one that was used last at the end. */
  readonly #cache = new Map<ChunkId, Uint8Array>()
  #cachedBytes = 0

  constructor(source: Pick<ChunkSource, 'chunks'>) {
    this.#source = source
  }

  async read(id: ChunkId): Promise<Uint8Array> {
    let found: Uint8Array | undefined
    await this.#each([id], (_id, bytes) => {
      found = bytes
    })
    if (!found) throw new ChunkMissing(id)
    return found
  }

  async fill(slices: readonly Slice[], offset: number, target: Uint8Array): Promise<void> {
    const wanted = new Map<ChunkId, Slice[]>()
    for (const slice of slices) wanted.set(slice.id, [...(wanted.get(slice.id) ?? []), slice])
    await this.#each([...wanted.keys()], (id, bytes) => {
      for (const slice of wanted.get(id) ?? []) {
        if (slice.skip + slice.length > bytes.length) throw new ChunkCorrupt(id)
        target.set(bytes.subarray(slice.skip, slice.skip + slice.length), slice.offset - offset)
      }
    })
  }

  async #each(ids: readonly ChunkId[], use: (id: ChunkId, bytes: Uint8Array) => void): Promise<void> {
    const missing = new Set<ChunkId>()
    for (const id of ids) {
      const bytes = this.#cache.get(id)
      if (bytes) {
        this.#cache.delete(id)
        this.#cache.set(id, bytes)
        use(id, bytes)
      } else missing.add(id)
    }
    const asked = [...missing]
    for (let first = 0; first < asked.length; first += MOST_ASKED) {
      for await (const { id, stored, encoding, sizeBytes } of this.#source.chunks(
        asked.slice(first, first + MOST_ASKED),
      )) {
        if (!missing.delete(id)) continue
        const isSensible = sizeBytes > 0 && sizeBytes <= MAX_CHUNK_BYTES
        const bytes = isSensible ? unsqueeze(stored, encoding, sizeBytes, idBytes(id)) : undefined
        if (!bytes) throw new ChunkCorrupt(id)
        this.#keep(id, Uint8Array.from(bytes))
        use(id, bytes)
      }
    }
    for (const id of missing) throw new ChunkMissing(id)
  }

  #keep(id: ChunkId, bytes: Uint8Array): void {
    this.#cachedBytes += bytes.length - (this.#cache.get(id)?.length ?? 0)
    this.#cache.set(id, bytes)
    for (const [oldest, old] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) return
      this.#cache.delete(oldest)
      this.#cachedBytes -= old.length
    }
  }
}
