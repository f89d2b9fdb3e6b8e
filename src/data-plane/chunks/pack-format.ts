import { createHash } from 'node:crypto'
import type { OpenFile } from '#foundation/files.ts'
import type { Place } from './chunk-index.ts'
import { hashOf } from './chunk-kernel.ts'
import { frameOf, readFrames } from './frames.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'

/** The layouts of packs and of their index files; docs/chunk-format.md draws them. */
export const PACK_HEAD = Buffer.from('OGPACK01\0\0\0\0\0\0\0\0', 'latin1')
export const INDEX_HEAD = Buffer.from('OGINDEX1\0\0\0\0\0\0\0\0', 'latin1')
export const RECORD_BYTES = 48
export const FOOTER_BYTES = 48
const FOOTER_MAGIC = Buffer.from('OGPACKE1', 'latin1')
const GROUP_HEAD_BYTES = 8
const SEALED = 1

/** A chunk in a pack. */
export interface PackRecord {
  readonly id: Uint8Array
  readonly place: Place
  /** SHA-256 of the stored bytes, if it is known. */
  readonly sum?: Uint8Array | undefined
}

export const encodeRecords = (records: readonly PackRecord[]): Buffer => {
  const bytes = Buffer.alloc(records.length * RECORD_BYTES)
  for (const [i, { id, place }] of records.entries()) {
    const at = i * RECORD_BYTES
    bytes.set(id, at)
    bytes.writeUInt32LE(place.offset, at + 32)
    bytes.writeUInt32LE(place.storedBytes, at + 36)
    bytes.writeUInt32LE(place.sizeBytes, at + 40)
    bytes.writeUInt32LE(place.encoding === 'zstd' ? 1 : 0, at + 44)
  }
  return bytes
}

/** Whether all records make sense: if one does not, none of its neighbours is believed either. */
const isTable = (bytes: Buffer): boolean => {
  if (bytes.length % RECORD_BYTES !== 0) return false
  for (let at = 32; at < bytes.length; at += RECORD_BYTES) {
    const [storedBytes, sizeBytes] = [bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)]
    if (sizeBytes === 0 || sizeBytes > MAX_CHUNK_BYTES || storedBytes > sizeBytes) return false
    if (bytes.readUInt32LE(at + 12) > 1) return false
  }
  return true
}

/** The records of a table that was read from a file, and checked there. */
export const recordsOf = (table: Buffer, pack: number): PackRecord[] => {
  const records: PackRecord[] = []
  for (let at = 0; at < table.length; at += RECORD_BYTES) {
    const [offset, storedBytes] = [table.readUInt32LE(at + 32), table.readUInt32LE(at + 36)]
    const [sizeBytes, encoding] = [table.readUInt32LE(at + 40), table.readUInt32LE(at + 44)]
    const place: Place = { pack, offset, storedBytes, sizeBytes, encoding: encoding === 1 ? 'zstd' : 'raw' }
    records.push({ id: table.subarray(at, at + 32), place })
  }
  return records
}

/** What follows the chunks of a finished pack: all records again, so that the pack explains itself without its index file. */
export const encodeTrailer = (records: readonly PackRecord[], bodyEnd: number): Buffer => {
  const table = encodeRecords(records)
  const footer = Buffer.alloc(FOOTER_BYTES)
  footer.writeUInt32LE(bodyEnd, 0)
  footer.writeUInt32LE(records.length, 4)
  hashOf(Buffer.concat([table, footer.subarray(0, 8)])).copy(footer, 8)
  FOOTER_MAGIC.copy(footer, 40)
  return Buffer.concat([table, footer])
}

/** Where the table of a pack starts and how long it is, or undefined if these 48 bytes are no footer of a file of that size. */
export const tableOf = (footer: Buffer, fileBytes: number): { offset: number; length: number } | undefined => {
  if (footer.length !== FOOTER_BYTES || !footer.subarray(40).equals(FOOTER_MAGIC)) return undefined
  const offset = footer.readUInt32LE(0)
  const length = footer.readUInt32LE(4) * RECORD_BYTES
  return offset + length + FOOTER_BYTES === fileBytes ? { offset, length } : undefined
}

const isIntact = (table: Buffer, footer: Buffer): boolean => {
  const sum = createHash('sha256').update(table).update(footer.subarray(0, 8)).digest()
  return sum.equals(footer.subarray(8, 40)) && isTable(table)
}

/** The table at the end of a pack. */
export interface Table {
  /** Its records as they are encoded; `recordsOf` makes objects of them. */
  readonly bytes: Buffer
  /** Where the chunks end and the table begins. */
  readonly bodyEnd: number
}

/** Undefined if the pack has no table, or a damaged one. */
export const readTable = async (file: OpenFile): Promise<Table | undefined> => {
  const sizeBytes = await file.sizeBytes()
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, await file.read(bytes, offset))
  }
  if (sizeBytes < PACK_HEAD.length + FOOTER_BYTES) return undefined
  const footer = await read(sizeBytes - FOOTER_BYTES, FOOTER_BYTES)
  const table = tableOf(footer, sizeBytes)
  if (!table) return undefined
  const bytes = await read(table.offset, table.length)
  return isIntact(bytes, footer) ? { bytes, bodyEnd: table.offset } : undefined
}

/** The whole index file of a finished pack, from a table. */
export const finishedIndex = (table: Buffer, bodyEnd: number): Buffer =>
  Buffer.concat([INDEX_HEAD, groupOf(table, bodyEnd, true)])

/** One frame of an index file: chunks whose bytes were durable before the frame was written. */
export const encodeGroup = (records: readonly PackRecord[], bodyEnd: number, sealed: boolean): Buffer =>
  groupOf(encodeRecords(records), bodyEnd, sealed)

const groupOf = (table: Buffer, bodyEnd: number, sealed: boolean): Buffer => {
  const head = Buffer.alloc(GROUP_HEAD_BYTES)
  head.writeUInt32LE(sealed ? SEALED : 0, 0)
  head.writeUInt32LE(bodyEnd, 4)
  return frameOf(Buffer.concat([head, table]))
}

export interface IndexFile {
  /** The records of each whole group. Opening a store reads all of them: without an object for each. */
  readonly tables: Buffer[]
  /** Where the chunks of the last whole group end in the pack. */
  readonly bodyEnd: number
  /** The pack was finished and nothing of this file is torn or damaged. */
  readonly sealed: boolean
  /** A good head and only whole groups; a torn last one is what a crash leaves. */
  readonly whole: boolean
}

export const decodeIndexFile = (bytes: Buffer): IndexFile => {
  const nothing = { tables: [], bodyEnd: PACK_HEAD.length, sealed: false, whole: false }
  if (!bytes.subarray(0, INDEX_HEAD.length).equals(INDEX_HEAD)) return nothing
  const { payloads, validBytes } = readFrames(bytes, INDEX_HEAD.length)
  const file: { -readonly [K in keyof IndexFile]: IndexFile[K] } = { ...nothing, whole: validBytes === bytes.length }
  for (const payload of payloads) {
    const table = payload.subarray(GROUP_HEAD_BYTES)
    const isSound = payload.length >= GROUP_HEAD_BYTES && isTable(table)
    // A flag that this version does not know may change what the records mean.
    if (!isSound || payload.readUInt32LE(0) > SEALED) return { ...file, sealed: false, whole: false }
    if (table.length > 0) file.tables.push(table)
    file.sealed = payload.readUInt32LE(0) === SEALED
    file.bodyEnd = payload.readUInt32LE(4)
  }
  return { ...file, sealed: file.sealed && file.whole }
}
