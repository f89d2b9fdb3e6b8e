import * as path from 'node:path'
import { type Files, type OpenFile, readWhole, replaceFile } from '#foundation/files.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import type { Pack, PackFiles } from './pack-files.ts'
import {
  decodeIndexFile,
  encodeRecords,
  encodeTrailer,
  finishedIndex,
  type IndexFile,
  PACK_HEAD,
  type PackRecord,
  readTable,
  recordsOf,
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
  const sums = await namesIn(files, path.join(folder, 'index'), '.sums')
  for (const name of [...new Set([...packs, ...indexes, ...sums])].sort()) {
    const number = NAME.exec(name)?.[1]
    if (!number) continue
    const pack: Pack = { number: Number.parseInt(number, 16), name, bodyEnd: PACK_HEAD.length, isFinished: false }
    next = Math.max(next, pack.number + 1)
    // An index without its pack names nothing that can be read: either a removal was cut short, or the bytes are lost.
    const tables = packs.has(name) ? await tablesOf(files, packFiles, pack) : []
    if (!tables) continue
    if (tables.length === 0)
      await packFiles.remove(pack).catch(() => {}) // a disk that takes no writes keeps it
    else packFiles.packs.set(pack.number, pack)
    for (const table of tables) index.putTable(table, pack.number)
  }
  return next
}

/** Undefined if the disk can't read the pack now: its files are left as they are. */
const tablesOf = async (files: Files, packFiles: PackFiles, pack: Pack): Promise<readonly Buffer[] | undefined> => {
  const index = await readIndex(files, packFiles.indexPath(pack.name))
  if (index.sealed) {
    pack.bodyEnd = index.bodyEnd
    pack.isFinished = true
    return index.tables
  }
  try {
    const records = await finishPack(files, packFiles, pack, index)
    return records.length > 0 ? [encodeRecords(records)] : []
  } catch {
    pack.bodyEnd = index.bodyEnd
    return index.tables.length > 0 ? index.tables : undefined // a full disk, say: the index groups are true all the same
  }
}

const readIndex = async (files: Files, file: string): Promise<IndexFile> => {
  try {
    return decodeIndexFile(await readWhole(files, file))
  } catch {
    return decodeIndexFile(Buffer.alloc(0))
  }
}

/**
 * What a damaged or unfinished index file can't tell, the table may: but it may have reached the disk before the chunks it names,
 * so these are only believed after a check of their bytes. A pack with a table may be another store's as well and is never written;
 * of one without, the believed part becomes a new file.
 */
const finishPack = async (files: Files, packFiles: PackFiles, pack: Pack, index: IndexFile): Promise<PackRecord[]> => {
  const file = await files.open(packFiles.packPath(pack.name), 'read')
  try {
    const sizeBytes = await file.sizeBytes()
    const all = index.tables.flatMap(table => recordsOf(table, pack.number))
    const indexed = all.filter(({ place }) => place.offset + place.storedBytes <= sizeBytes)
    const table = await readTable(file)
    const records = [
      ...indexed,
      ...(await provenRecords(file, table ? recordsOf(table.bytes, pack.number) : [], indexed)),
    ]
    if (records.length === 0) return []
    pack.bodyEnd = table?.bodyEnd ?? Math.max(...records.map(({ place }) => place.offset + place.storedBytes))
    if (!table) await writeFinished(files, packFiles.packPath(pack.name), file, records, pack.bodyEnd)
    await replaceFile(files, packFiles.indexPath(pack.name), finishedIndex(encodeRecords(records), pack.bodyEnd))
    pack.isFinished = true
    return records
  } finally {
    await file.close()
  }
}

const writeFinished = async (
  files: Files,
  name: string,
  file: OpenFile,
  records: readonly PackRecord[],
  bodyEnd: number,
): Promise<void> => {
  const body = Buffer.alloc(bodyEnd)
  await file.read(body, 0)
  try {
    await replaceFile(files, name, Buffer.concat([body, encodeTrailer(records, bodyEnd)]))
  } catch (error) {
    await files.remove(`${name}.new`).catch(() => {}) // a full disk has no room for it
    throw error
  }
}

const provenRecords = async (
  file: OpenFile,
  records: readonly PackRecord[],
  indexed: readonly PackRecord[],
): Promise<PackRecord[]> => {
  const known = new Set(indexed.map(({ place }) => place.offset))
  const proven: PackRecord[] = []
  for (const record of records) {
    const { offset, storedBytes, encoding, sizeBytes } = record.place
    if (known.has(offset)) continue
    const stored = Buffer.alloc(storedBytes)
    const length = await file.read(stored, offset)
    if (unsqueeze(stored.subarray(0, length), encoding, sizeBytes, record.id)) proven.push(record)
  }
  return proven
}
