import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'

/** How far a long piece of work is, in bytes of the disk image, and a way to stop it. */
export interface Watch {
  onProgress?(doneBytes: number, totalBytes: number): void
  readonly signal?: AbortSignal
}

/** How a file is to be written. */
export interface WriteWish extends Watch {
  /** Whether it is on the disk when it gets its name, and not only with the system: true unless told. */
  readonly flushes?: boolean | undefined
}

const blockBytes = 2 ** 20
const pageBytes = 4096
const zeros = Buffer.alloc(blockBytes)

/** Whether all bytes are zero. At most 1 MiB. */
export const isZero = (bytes: Uint8Array): boolean => zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0

/**
 * What is really data, in ascending order: aligned to pages of the image, zero pages left out, in runs of at most 1 MiB.
 * The next block is read while the caller works on the last; a run's bytes are valid until the caller asks for the next.
 */
export async function* dataRuns(bytes: SparseBytes, watch: Watch): AsyncGenerator<{ offset: number; data: Buffer }> {
  const buffers = [Buffer.allocUnsafe(blockBytes), Buffer.allocUnsafe(blockBytes)] as const
  let turn: 0 | 1 = 0
  const read = async (block: { offset: number; length: number }) => {
    turn = turn === 0 ? 1 : 0
    const data = buffers[turn].subarray(0, block.length)
    await bytes.read(block.offset, data)
    return { offset: block.offset, data }
  }
  let ahead: ReturnType<typeof read> | undefined
  for await (const block of blocksOf(bytes)) {
    watch.signal?.throwIfAborted()
    const ready = await ahead
    ahead = read(block)
    ahead.catch(() => {}) // it is awaited in the next turn; should the caller leave early, nobody is left to hear of it
    if (ready) yield* runsOf(ready, bytes.sizeBytes, watch)
  }
  const last = await ahead
  if (last) yield* runsOf(last, bytes.sizeBytes, watch)
  watch.signal?.throwIfAborted()
  watch.onProgress?.(bytes.sizeBytes, bytes.sizeBytes)
}

/** The extents, grown to whole pages, joined where they then touch, cut at multiples of a block. */
export async function* blocksOf(bytes: SparseBytes): AsyncGenerator<Extent> {
  let done = 0
  for await (const { offset, length } of bytes.extents()) {
    let at = Math.max(done, offset - (offset % pageBytes))
    const end = Math.min(bytes.sizeBytes, Math.ceil((offset + length) / pageBytes) * pageBytes)
    while (at < end) {
      const stop = Math.min(end, (Math.floor(at / blockBytes) + 1) * blockBytes)
      yield { offset: at, length: stop - at }
      at = stop
    }
    done = Math.max(done, end)
  }
}

function* runsOf(block: { offset: number; data: Buffer }, totalBytes: number, watch: Watch) {
  const { offset, data } = block
  watch.onProgress?.(offset, totalBytes)
  let start = -1
  for (let at = 0; at < data.length; at += pageBytes) {
    const zero = isZero(data.subarray(at, at + pageBytes))
    if (!zero && start < 0) start = at
    if (zero && start >= 0) {
      yield { offset: offset + start, data: data.subarray(start, at) }
      start = -1
    }
  }
  if (start >= 0) yield { offset: offset + start, data: data.subarray(start) }
}
