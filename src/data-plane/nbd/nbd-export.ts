import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { BlockCache, type CacheLimits } from './block-cache.ts'
import { ExtentMap } from './extent-map.ts'

/** Bytes under a name. They must not change; the server closes them with itself. */
export interface NbdExport {
  /** `''` is what clients get that name none. */
  readonly name: string
  /** A line for people. */
  readonly description: string
  readonly bytes: SparseBytes
}

/** An export as all connections share it. */
export class OpenExport {
  readonly name: string
  readonly description: string
  readonly cache: BlockCache
  readonly #bytes: SparseBytes
  #extents: Promise<ExtentMap> | undefined

  constructor({ name, description, bytes }: NbdExport, limits?: CacheLimits) {
    this.name = name
    this.description = description
    this.#bytes = bytes
    this.cache = new BlockCache(bytes, limits)
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes
  }

  /** Where the holes are: looked for when first asked, and again when that failed. */
  extents(): Promise<ExtentMap> {
    this.#extents ??= ExtentMap.of(this.#bytes).then(
      map => {
        this.cache.holes = map
        return map
      },
      error => {
        this.#extents = undefined
        throw error
      },
    )
    return this.#extents
  }

  async close(): Promise<void> {
    await this.#extents?.catch(() => {})
    await this.cache.close()
  }
}
