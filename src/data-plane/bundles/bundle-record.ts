import { idBytes, idText } from '#data-plane/chunks/chunk-index.ts'
import { hashOf } from '#data-plane/chunks/chunk-kernel.ts'
import type { ChunkId, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { MAX_ROOT_BYTES } from '#data-plane/chunks/manifest.ts'
import { MAX_CHUNK_BYTES } from '#data-plane/chunks/page-cut.ts'

/** A bundle, or a part of one, that is not to be believed: torn, altered, malformed, or signed by nobody we trust. */
export class BundleRefused extends Error {
  override readonly name = 'BundleRefused'
}

export const refuseUnless: (condition: unknown, what: string) => asserts condition = (condition, what) => {
  if (!condition) throw new BundleRefused(`The bundle is refused: ${what}.`)
}

/** What a record is; docs/bundle-format.md has the layouts. */
export type RecordKind = 'head' | 'root' | 'chunk' | 'end'

/** One record: a stored chunk with a word on what it is. Its id is the SHA-256 of its decoded bytes. */
export interface BundleRecord extends StoredChunk {
  readonly kind: RecordKind
}

export const MAGIC = Buffer.from('OGBNDL01\0\0\0\0\0\0\0\0', 'latin1')
export const MAX_HEAD_BYTES = 16 * 2 ** 20
export const END_BYTES = 104
export const RECORD_HEAD_BYTES = 48
export const CHECKSUM_BYTES = 32

const kinds: readonly (RecordKind | undefined)[] = [undefined, 'head', 'root', 'chunk', 'end']
const mostBytes: Readonly<Record<RecordKind, number>> = {
  head: MAX_HEAD_BYTES,
  root: MAX_ROOT_BYTES,
  chunk: MAX_CHUNK_BYTES,
  end: END_BYTES,
}

/** How long a whole record is in a file. */
export const recordBytes = (storedBytes: number): number => RECORD_HEAD_BYTES + storedBytes + CHECKSUM_BYTES

export const encodeRecord = ({ kind, id, sizeBytes, encoding, stored }: BundleRecord): Buffer => {
  const bytes = Buffer.allocUnsafe(recordBytes(stored.length))
  bytes.writeUInt32LE(kinds.indexOf(kind), 0)
  bytes.writeUInt32LE(stored.length, 4)
  bytes.writeUInt32LE(sizeBytes, 8)
  bytes.writeUInt32LE(encoding === 'zstd' ? 1 : 0, 12)
  bytes.set(idBytes(id), 16)
  bytes.set(stored, RECORD_HEAD_BYTES)
  const end = RECORD_HEAD_BYTES + stored.length
  bytes.set(hashOf(bytes.subarray(0, end)), end)
  return bytes
}

/** What the first 48 bytes of a record promise. Throws `BundleRefused` when they break the bounds of the format. */
export const readRecordHead = (bytes: Buffer): Omit<BundleRecord, 'stored'> & { readonly storedBytes: number } => {
  const kind = kinds[bytes.readUInt32LE(0)]
  refuseUnless(kind, 'a record of an unknown kind')
  const [storedBytes, sizeBytes, encoding] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.readUInt32LE(12)]
  refuseUnless(sizeBytes > 0 && sizeBytes <= mostBytes[kind] && storedBytes <= sizeBytes, 'a record beyond its bounds')
  refuseUnless(encoding === 0 || (encoding === 1 && kind === 'chunk'), 'an unknown encoding')
  refuseUnless(encoding === 1 || storedBytes === sizeBytes, 'a record of two sizes')
  return { kind, storedBytes, sizeBytes, encoding: encoding === 1 ? 'zstd' : 'raw', id: idText(bytes, 16) }
}

/** Reads one whole record at the start of `bytes`. Throws `BundleRefused` for one that is torn or altered. */
export const decodeRecord = (bytes: Buffer): BundleRecord => {
  refuseUnless(bytes.length >= RECORD_HEAD_BYTES + CHECKSUM_BYTES, 'it ends in the middle of a record')
  const { storedBytes, ...record } = readRecordHead(bytes)
  refuseUnless(bytes.length >= recordBytes(storedBytes), 'it ends in the middle of a record')
  const end = RECORD_HEAD_BYTES + storedBytes
  const checksum = bytes.subarray(end, end + CHECKSUM_BYTES)
  refuseUnless(hashOf(bytes.subarray(0, end)).equals(checksum), 'a record was altered')
  return { ...record, stored: bytes.subarray(RECORD_HEAD_BYTES, end) }
}

/** All records of a buffer that is to have nothing else in it. */
export function* decodeRecords(bytes: Buffer): Generator<BundleRecord> {
  for (let at = 0; at < bytes.length; ) {
    const record = decodeRecord(bytes.subarray(at))
    yield record
    at += recordBytes(record.stored.length)
  }
}

/** A record of bytes that name themselves: heads, roots and ends. */
export const rawRecord = (kind: RecordKind, stored: Uint8Array): BundleRecord => ({
  kind,
  id: idText(hashOf(stored)) as ChunkId,
  sizeBytes: stored.length,
  encoding: 'raw',
  stored,
})
