import { Bits } from './bits.ts'
import type { SharedPack } from './chunk-store.ts'
import { findBad } from './find-bad.ts'
import type { Pack } from './pack-files.ts'
import { PACK_HEAD, RECORD_BYTES } from './pack-format.ts'
import { atWork, type StoreCore } from './store-core.ts'

interface Share {
  readonly pack: Pack
  readonly offsets: number[]
  storedBytes: number
}

/** Lets work be waited for by who closes the store. */
type Track = <T>(start: () => Promise<T>) => Promise<T>

/**
 * Finished packs in which chunks (32 bytes each) lie that another store wants. What is in none of them must be asked for one by one.
 */
export const sharedPacks = async (core: StoreCore, ids: Uint8Array, track: Track): Promise<SharedPack[]> => {
  await core.writer.finishLarge(core.copyLimits.leastBytes)
  const { index, packFiles } = core
  const shares = new Map<number, Share>()
  const seen = new Bits()
  for (let at = 0; at < ids.length; at += 32) {
    const entry = index.findGood(ids, at)
    const pack = entry < 0 ? undefined : packFiles.packs.get(index.packOf(entry))
    if (!pack?.isFinished || !seen.add(entry)) continue
    const share = shares.get(pack.number) ?? { pack, offsets: [], storedBytes: 0 }
    share.offsets.push(index.offsetOf(entry))
    share.storedBytes += index.storedBytesOf(entry)
    shares.set(pack.number, share)
  }
  return [...shares.values()].map(({ pack, ...share }) => ({
    ...share,
    file: packFiles.packPath(pack.name),
    sumsFile: packFiles.sumsPath(pack.name),
    bodyBytes: pack.bodyEnd - PACK_HEAD.length,
    prove: () => track(() => provePack(core, pack)),
  }))
}

/** All who ask at one time wait for one check. What could not be read now is asked about again. */
const provePack = (core: StoreCore, pack: Pack): Promise<boolean> => {
  pack.proof ??= checkPack(core, pack).catch(error => {
    delete pack.proof
    throw error
  })
  return pack.proof
}

/** By the sums beside the pack where there are any, else by decoding. Only chunks that the index finds there count. */
const checkPack = (core: StoreCore, pack: Pack): Promise<boolean> =>
  atWork(core, async work => {
    const { index, packFiles } = core
    const table = await packFiles.table(pack)
    if (!table) return false
    const ids: Uint8Array[] = []
    for (let at = 0; at < table.bytes.length; at += RECORD_BYTES) {
      const entry = index.findGood(table.bytes, at)
      if (entry < 0 || index.packOf(entry) !== pack.number) continue
      if (index.offsetOf(entry) !== table.bytes.readUInt32LE(at + 32)) continue
      work.lease.add(entry)
      ids.push(table.bytes.subarray(at, at + 32))
    }
    return (await findBad(core, Buffer.concat(ids), () => {})).length === 0
  })
