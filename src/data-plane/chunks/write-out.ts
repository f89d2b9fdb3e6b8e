import type { Outlet } from '#foundation/sparse-bytes.ts'
import type { ChunkIndex, Place } from './chunk-index.ts'
import { UNPACK_FIELDS, type UnpackItem } from './chunk-kernel.ts'
import type { HashWorkers } from './hash-workers.ts'
import type { Slice } from './manifest.ts'
import type { LentPack } from './pack-files.ts'
import { severalAtOnce } from './several-at-once.ts'

interface Parts {
  readonly index: ChunkIndex
  readonly workers: HashWorkers
  readonly reader: {
    fill(slices: readonly Slice[], from: number, target: Uint8Array): Promise<void>
    lend(pack: number): Promise<LentPack | undefined>
  }
}

/** What a thread does before it asks for more: enough that it seldom waits, little enough that it can be stopped soon. */
const SHARE_BYTES = 4 * 1024 * 1024
const SHARE_SLICES = 2048

/**
 * Writes all that the slices say into a file, in any order. Each thread reads, decodes, verifies and writes a share by itself: no byte
 * crosses threads. What that could not do is done again one by one, which heals what is damaged and tells what is wrong.
 */
export const writeOut = async (
  parts: Parts,
  slices: AsyncIterable<readonly Slice[]>,
  to: Outlet,
  signal?: AbortSignal,
): Promise<void> =>
  await severalAtOnce(
    sharesOf(slices),
    parts.workers.count + 1,
    async share => {
      const isWritten = to.fd === undefined ? [] : await unpackShare(parts, share, to.fd)
      for (const [i, slice] of share.entries()) if (!isWritten[i]) await writeOne(parts, slice, to)
      to.onWritten?.(share.reduce((sum, { length }) => sum + length, 0))
    },
    signal,
  )

async function* sharesOf(groups: AsyncIterable<readonly Slice[]>): AsyncGenerator<Slice[]> {
  let [share, bytes]: [Slice[], number] = [[], 0]
  for await (const group of groups)
    for (const slice of group) {
      share.push(slice)
      bytes += slice.length
      if (bytes < SHARE_BYTES && share.length < SHARE_SLICES) continue
      yield share
      share = []
      bytes = 0
    }
  if (share.length > 0) yield share
}

const unpackShare = async ({ index, workers, reader }: Parts, share: readonly Slice[], fd: number) => {
  const ids = Buffer.alloc(share.length * 32)
  const items = new Float64Array(share.length * UNPACK_FIELDS).fill(Number.NaN) // nobody unpacks what stays so
  const lent = new Map<number, LentPack | undefined>()
  try {
    for (const [i, slice] of share.entries()) {
      ids.write(slice.id, i * 32, 'hex')
      const entry = index.find(ids, i * 32)
      if (entry < 0) continue
      const place = index.place(entry)
      if (!lent.has(place.pack)) lent.set(place.pack, await reader.lend(place.pack))
      const pack = lent.get(place.pack)
      if (pack) items.set(itemOf(pack.fd, place, slice), i * UNPACK_FIELDS)
    }
    return await workers.unpack(items, ids, fd)
  } finally {
    for (const pack of lent.values()) pack?.release()
  }
}

const itemOf = (fd: number, place: Place, { skip, length, offset }: Slice): UnpackItem => [
  fd,
  place.offset,
  place.storedBytes,
  place.sizeBytes,
  place.encoding === 'zstd' ? 1 : 0,
  skip,
  length,
  offset,
]

const writeOne = async ({ reader }: Parts, slice: Slice, to: Outlet): Promise<void> => {
  const bytes = new Uint8Array(slice.length)
  await reader.fill([slice], slice.offset, bytes)
  await to.write(bytes, slice.offset)
}
