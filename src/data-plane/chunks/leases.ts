import { Bits } from './bits.ts'
import type { ManifestId } from './chunk-store.ts'

/** What a collection found to be needed while it ran. */
export interface Marks {
  readonly chunks: Bits
  /** Manifests that somebody began to need after the collection had begun: to be walked before anything is freed. */
  readonly manifests: ManifestId[]
}

/**
 * What running work needs, whatever the holds say: chunks (by entry number) and manifests. In memory only: work dies with the
 * process, and what it had written without a hold is free to go.
 */
export class Leases {
  readonly #chunks = new Set<Bits>()
  readonly #manifests = new Map<ManifestId, number>()
  #marks: Marks | undefined

  /** A set of chunks that nobody frees until `giveBack`. */
  take(): Bits {
    const lease = new Bits()
    this.#chunks.add(lease)
    return lease
  }

  /** While a collection runs the chunks stay needed: by now a manifest that it has not seen may name them. */
  giveBack(lease: Bits): void {
    this.#marks?.chunks.addAll(lease)
    this.#chunks.delete(lease)
  }

  pin(manifest: ManifestId): () => void {
    this.#manifests.set(manifest, (this.#manifests.get(manifest) ?? 0) + 1)
    this.#marks?.manifests.push(manifest)
    let pinned = true
    return () => {
      if (!pinned) return
      pinned = false
      const left = this.#manifests.get(manifest)! - 1
      if (left === 0) this.#manifests.delete(manifest)
      else this.#manifests.set(manifest, left)
    }
  }

  pinned(): ManifestId[] {
    return [...this.#manifests.keys()]
  }

  isPinned(manifest: ManifestId): boolean {
    return this.#manifests.has(manifest)
  }

  /** All chunks that running work needs at this moment. */
  leased(): Bits {
    const all = new Bits()
    for (const lease of this.#chunks) all.addAll(lease)
    return all
  }

  /** From now on what is given back or pinned is noted in `marks`. */
  watch(marks: Marks): () => void {
    this.#marks = marks
    return () => {
      this.#marks = undefined
    }
  }
}
