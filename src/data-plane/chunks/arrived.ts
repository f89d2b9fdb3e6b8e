import { idBytes } from './chunk-index.ts'
import { ITEM_FIELDS } from './chunk-kernel.ts'
import type { ChunkId, StoredChunk } from './chunk-store.ts'
import type { NewChunk } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'

/** So much is checked and written at a time. */
const BATCH_BYTES = 1024 * 1024

/** Memory for what arrives in the course of one receive: a few buffers, used again and again, as none of its chunks is kept for long. */
export class ArrivalBuffers {
  readonly #make: (sizeBytes: number) => Uint8Array
  readonly #batchBytes: number
  readonly #idle: Uint8Array[] = []

  /** `batchBytes`: what is to be kept whatever happens afterwards; batches are no larger. */
  constructor(make: (sizeBytes: number) => Uint8Array, batchBytes: number) {
    this.#make = make
    this.#batchBytes = Math.min(batchBytes, BATCH_BYTES)
  }

  /** An empty batch; its buffer is another one's once `giveBack` is called with it. */
  begin(): Arrived {
    // Whatever is in it already, one more chunk fits.
    return new Arrived(this.#idle.pop() ?? this.#make(this.#batchBytes + MAX_CHUNK_BYTES), this.#batchBytes)
  }

  giveBack({ buffer }: Arrived): void {
    this.#idle.push(buffer)
  }
}

/** Chunks that have arrived, copied one behind the other, so that the source may use its own memory again. */
export class Arrived {
  readonly buffer: Uint8Array
  readonly #batchBytes: number
  readonly #chunks: StoredChunk[] = []
  readonly #starts: number[] = []
  #end = 0

  constructor(buffer: Uint8Array, batchBytes: number) {
    this.buffer = buffer
    this.#batchBytes = batchBytes
  }

  get isFull(): boolean {
    return this.#end >= this.#batchBytes
  }

  get ids(): readonly ChunkId[] {
    return this.#chunks.map(({ id }) => id)
  }

  add({ stored, sum, ...chunk }: StoredChunk): void {
    this.buffer.set(stored, this.#end)
    const copy = this.buffer.subarray(this.#end, this.#end + stored.length)
    this.#starts.push(this.#end)
    this.#chunks.push({ ...chunk, stored: copy, ...(sum && { sum: Uint8Array.from(sum) }) })
    this.#end += stored.length
  }

  /**
   * What proves the chunks, for `unsqueeze`, and what is to be written of those that it finds good. One that came with a sum is compared
   * with that, which is as sure and spares its decoding, which takes four times as long; any other one with its id.
   */
  proofs(): { readonly items: Uint32Array; readonly hashes: Uint8Array; readonly chunks: readonly NewChunk[] } {
    const items = new Uint32Array(this.#chunks.length * ITEM_FIELDS)
    const hashes = new Uint8Array(this.#chunks.length * 32)
    const chunks = this.#chunks.map(({ id: text, stored, sizeBytes, encoding, sum: given }, i): NewChunk => {
      const [id, start] = [idBytes(text), this.#starts[i]!]
      const sum = encoding === 'raw' ? id : given
      items.set([start, stored.length, sum ? stored.length : sizeBytes, sum ? 0 : 1], i * ITEM_FIELDS)
      hashes.set(sum ?? id, i * 32)
      return { id, start, storedBytes: stored.length, sizeBytes, encoding, ...(sum && { sum }) }
    })
    return { items, hashes, chunks }
  }
}
