import { createHash } from 'node:crypto'
import { ChunkIndex, idBytes } from '#data-plane/chunks/chunk-index.ts'
import type { ChunkId, StoredChunk, Watch } from '#data-plane/chunks/chunk-store.ts'
import type { OpenFile } from '#foundation/files.ts'
import { type BundleHead, readHead } from './bundle-head.ts'
import {
  type BundleRecord,
  BundleRefused,
  CHECKSUM_BYTES,
  decodeRecord,
  END_BYTES,
  encodeRecord,
  MAGIC,
  RECORD_HEAD_BYTES,
  rawRecord,
  readRecordHead,
  recordBytes,
  refuseUnless,
} from './bundle-record.ts'
import { isSignedBy, SIGNATURE_BYTES } from './signing.ts'

const READ_BYTES = 8 * 2 ** 20
const HIGH = 2 ** 32

/** A bundle as it lies in a file: which records there are, and where. Grows by `append`. */
export class BundleFile {
  readonly #file: OpenFile
  readonly #index = new ChunkIndex()
  /** Runs over the checksums of all records: what the end record signs. */
  readonly #digest = createHash('sha256')
  #end = 0
  #records = 0
  #head: Uint8Array | undefined
  #isEnded = false

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** Where the last whole record ends. */
  get sizeBytes(): number {
    return this.#end
  }

  get records(): number {
    return this.#records
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The payload of the head record. */
  get headPayload(): Uint8Array | undefined {
    return this.#head
  }

  has(id: ChunkId): boolean {
    return this.#index.find(idBytes(id)) >= 0
  }

  /** The head, its signature checked against the key that it names. */
  head(): BundleHead {
    refuseUnless(this.#head, 'it has no head')
    return readHead(this.#head)
  }

  /** SHA-256 over the checksums of the records so far. */
  digest(): Buffer {
    return this.#digest.copy().digest()
  }

  /**
   * Reads and checks every record from the start of the file up to its end. Throws `BundleRefused` at the first that is torn or
   * altered, with all before it kept: an export goes on there.
   */
  async scan(watch: Watch = {}): Promise<void> {
    const fileBytes = await this.#file.sizeBytes()
    const magic = Buffer.alloc(MAGIC.length)
    await this.#file.read(magic, 0)
    refuseUnless(magic.equals(MAGIC), 'it is not a bundle, or one of a later version')
    this.#end = MAGIC.length
    let [buffer, start] = [Buffer.alloc(0), this.#end]
    const need = async (length: number) => {
      const at = this.#end - start
      if (at + length <= buffer.length) return buffer.subarray(at)
      start = this.#end
      const wanted = Math.min(Math.max(length, READ_BYTES), fileBytes - start)
      buffer = Buffer.alloc(wanted)
      refuseUnless((await this.#file.read(buffer, start)) === wanted, 'it ends in the middle of a record')
      return buffer
    }
    while (this.#end < fileBytes) {
      watch.signal?.throwIfAborted()
      refuseUnless(this.#end + RECORD_HEAD_BYTES + CHECKSUM_BYTES <= fileBytes, 'it ends in the middle of a record')
      const { storedBytes } = readRecordHead(await need(RECORD_HEAD_BYTES))
      refuseUnless(this.#end + recordBytes(storedBytes) <= fileBytes, 'it ends in the middle of a record')
      const whole = await need(recordBytes(storedBytes))
      this.#note(decodeRecord(whole), whole.subarray(0, recordBytes(storedBytes)))
      watch.onProgress?.(this.#end, fileBytes)
    }
  }

  /** Checks that a scanned file is a whole bundle, and that its end is signed by the key of its head. */
  requireWhole(): BundleHead {
    const head = this.head()
    refuseUnless(this.#isEnded, 'it has no end: the export was interrupted')
    return head
  }

  /** The record of a root or a chunk; `undefined` for one that is not in the bundle. */
  async record(id: ChunkId): Promise<BundleRecord | undefined> {
    const entry = this.#index.find(idBytes(id))
    if (entry < 0) return undefined
    const { pack, offset, storedBytes } = this.#index.place(entry)
    const bytes = Buffer.alloc(recordBytes(storedBytes))
    await this.#file.read(bytes, pack * HIGH + offset)
    return decodeRecord(bytes)
  }

  /** Begins a new file. */
  async begin(headPayload: Uint8Array): Promise<void> {
    await this.#file.truncate(0)
    await this.#file.write(MAGIC, 0)
    this.#end = MAGIC.length
    await this.append(rawRecord('head', headPayload))
  }

  /** Cuts off what lies behind the last whole record. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.#end)
  }

  async append(record: BundleRecord): Promise<void> {
    const bytes = encodeRecord(record)
    await this.#file.write(bytes, this.#end)
    this.#note(record, bytes)
  }

  async appendChunk(kind: 'root' | 'chunk', chunk: StoredChunk): Promise<void> {
    if (!this.has(chunk.id)) await this.append({ kind, ...chunk })
  }

  /** Writes the end, signed by `sign`, and flushes it all. */
  async finish(sign: (digest: Buffer) => Promise<Uint8Array>): Promise<void> {
    const digest = this.digest()
    const payload = Buffer.alloc(END_BYTES)
    payload.writeBigUInt64LE(BigInt(this.#records), 0)
    digest.copy(payload, 8)
    payload.set(await sign(digest), END_BYTES - SIGNATURE_BYTES)
    await this.append(rawRecord('end', payload))
    await this.sync()
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  #note(record: BundleRecord, encoded: Buffer): void {
    const { kind, id, sizeBytes, stored, encoding } = record
    refuseUnless(!this.#isEnded, 'there is more behind its end')
    refuseUnless((kind === 'head') === (this.#records === 0), 'its head is not its first record')
    refuseUnless(!this.has(id), 'a record is there twice')
    if (kind === 'head') this.#head = Uint8Array.from(stored)
    else if (kind === 'end') this.#checkEnd(Buffer.from(stored))
    else {
      const place = { pack: Math.floor(this.#end / HIGH), offset: this.#end % HIGH }
      this.#index.add(idBytes(id), 0, { ...place, storedBytes: stored.length, sizeBytes, encoding })
    }
    this.#digest.update(encoded.subarray(encoded.length - CHECKSUM_BYTES))
    this.#end += encoded.length
    this.#records++
  }

  #checkEnd(payload: Buffer): void {
    const digest = this.digest()
    refuseUnless(
      payload.length === END_BYTES && payload.readBigUInt64LE(0) === BigInt(this.#records),
      'its end is wrong',
    )
    refuseUnless(digest.equals(payload.subarray(8, 40)), 'its end does not fit what is before it')
    const { publicKey } = this.head()
    const signature = payload.subarray(END_BYTES - SIGNATURE_BYTES)
    refuseUnless(isSignedBy(publicKey, 'end', digest, signature), 'the signature at its end is wrong')
    this.#isEnded = true
  }
}

/** Reads what an interrupted export has left; a torn end is cut off. Answers whether there is a head to go on from. */
export const reopenTorn = async (bundle: BundleFile): Promise<boolean> => {
  try {
    await bundle.scan()
  } catch (error) {
    if (!(error instanceof BundleRefused)) throw error
  }
  if (!bundle.headPayload) return false
  await bundle.cut()
  return true
}
