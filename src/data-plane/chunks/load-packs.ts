import * as path from 'node:path'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import type { Pack, PackFiles } from './pack-files.ts'
import {
  decodeIndexFile,
  decodeTable,
  encodeGroup,
  encodeTrailer,
  FOOTER_BYTES,
  INDEX_HEAD,
  type IndexFile,
  PACK_HEAD,
  type PackRecord,
  tableOf,
} from './pack-format.ts'

const NAME = /^([0-9a-f]{8})-[0-9a-f]{8}$/

const namesIn = async (files: Files, folder: string, ending: string): Promise<Set<string>> =>
  new Set((await files.list(folder)).filter(name => name.endsWith(ending)).map(name => name.slice(0, -ending.length)))

/**
 * Fills the index from the index files, oldest pack first, so that a healed copy wins over the bad one it replaces. Packs that a
 * crash left unfinished are finished; their tails that no index names are cut off. Answers the number for the next pack.
 */
export const loadPacks = async (
  files: Files,
  folder: string,
  packFiles: PackFiles,
  index: ChunkIndex,
): Promise<number> => {
  const packs = await namesIn(files, path.join(folder, 'packs'), '.pack')
  const indexes = await namesIn(files, path.join(folder, 'index'), '.idx')
  let next = 1
  for (const name of [...new Set([...packs, ...indexes])].sort()) {
    const number = NAME.exec(name)?.[1]
    if (!number) continue
    const pack: Pack = { number: Number.parseInt(number, 16), name, bodyEnd: PACK_HEAD.length }
    next = Math.max(next, pack.number + 1)
    // An index without its pack names nothing that can be read: either a removal was cut short, or the bytes are lost.
    const records = packs.has(name) ? await recordsOf(files, packFiles, pack) : []
    if (!records) continue
    if (records.length === 0)
      await packFiles.remove(pack).catch(() => {}) // a disk that takes no writes keeps it
    else packFiles.packs.set(pack.number, pack)
    for (const { id, place } of records) {
      const known = index.find(id)
      if (known >= 0) index.move(known, place)
      else index.add(id, 0, place)
    }
  }
  return next
}

/** Undefined if the disk can't read the pack now: its files are left as they are. */
const recordsOf = async (files: Files, packFiles: PackFiles, pack: Pack): Promise<PackRecord[] | undefined> => {
  const index = await readIndex(files, packFiles.indexPath(pack.name), pack.number)
  if (index.sealed) {
    pack.bodyEnd = index.bodyEnd
    return index.records
  }
  try {
    return await finishPack(files, packFiles, pack, index)
  } catch {
    pack.bodyEnd = index.bodyEnd
    return index.records.length > 0 ? index.records : undefined // a full disk, say: the index groups are true all the same
  }
}

const readIndex = async (files: Files, file: string, pack: number): Promise<IndexFile> => {
  try {
    return decodeIndexFile(await readWhole(files, file), pack)
  } catch {
    return decodeIndexFile(Buffer.alloc(0), pack)
  }
}

/**
 * What a damaged or unfinished index file can't tell, the trailer may: but it may have reached the disk before the chunks it names,
 * so these are only believed after a check of their bytes.
 */
const finishPack = async (files: Files, packFiles: PackFiles, pack: Pack, index: IndexFile): Promise<PackRecord[]> => {
  const file = await files.open(packFiles.packPath(pack.name), 'write')
  try {
    const sizeBytes = await file.sizeBytes()
    const read = async (offset: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, await file.read(bytes, offset))
    }
    const indexed = index.records.filter(({ place }) => place.offset + place.storedBytes <= sizeBytes)
    const records = [...indexed, ...(await provenRecords(read, sizeBytes, pack.number, indexed))]
    if (records.length === 0) return []
    pack.bodyEnd = Math.max(...records.map(({ place }) => place.offset + place.storedBytes))
    await file.truncate(pack.bodyEnd)
    await file.write(encodeTrailer(records, pack.bodyEnd), pack.bodyEnd)
    await file.sync()
    const whole = Buffer.concat([INDEX_HEAD, encodeGroup(records, pack.bodyEnd, true)])
    await replaceFile(files, packFiles.indexPath(pack.name), whole)
    return records
  } finally {
    await file.close()
  }
}

const provenRecords = async (
  read: (offset: number, length: number) => Promise<Buffer>,
  sizeBytes: number,
  pack: number,
  indexed: readonly PackRecord[],
): Promise<PackRecord[]> => {
  if (sizeBytes < PACK_HEAD.length + FOOTER_BYTES) return []
  const footer = await read(sizeBytes - FOOTER_BYTES, FOOTER_BYTES)
  const table = tableOf(footer, sizeBytes)
  const records = table && decodeTable(await read(table.offset, table.length), footer, pack)
  const known = new Set(indexed.map(({ place }) => place.offset))
  const proven: PackRecord[] = []
  for (const record of records ?? []) {
    const { offset, storedBytes, encoding, sizeBytes: size } = record.place
    if (known.has(offset)) continue
    if (unsqueeze(await read(offset, storedBytes), encoding, size, record.id)) proven.push(record)
  }
  return proven
}
