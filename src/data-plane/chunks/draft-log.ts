import { type Files, type OpenFile, readWhole, replaceFile } from '#foundation/files.ts'
import { DraftMap } from './draft-map.ts'
import { frameOf, readFrames } from './frames.ts'
import { decodeSlices, encodeSlices, SLICE_BYTES, type Slice } from './manifest.ts'

/** What writes have added to the store, before and after compression. */
export interface Added {
  readonly newBytes: number
  readonly storedBytes: number
}

export const NOTHING: Added = { newBytes: 0, storedBytes: 0 }

export const sumOf = (a: Added, b: Added): Added => ({
  newBytes: a.newBytes + b.newBytes,
  storedBytes: a.storedBytes + b.storedBytes,
})

/** A change of a draft: a range gets new content, or the image a new size. */
export type Change =
  | {
      readonly kind: 'put'
      readonly offset: number
      readonly length: number
      readonly slices: readonly Slice[]
      readonly added: Added
    }
  | { readonly kind: 'resize'; readonly sizeBytes: number }

/** A draft's file is not one, or its first record can't be read: its content is lost, and nothing can be freed beside it. */
export class DraftDamaged extends Error {
  override readonly name = 'DraftDamaged'
  readonly file: string
  constructor(file: string) {
    super(`The draft in ${file} can't be read, so nothing can be freed. Remove the file to give the draft up.`)
    this.file = file
  }
}

const MAGIC = Buffer.from('OGDRAFT1', 'latin1')
const PUT = 1
const RESIZE = 2
const CHANGE_HEAD_BYTES = 36
const LOG_HEAD_BYTES = 24
const REWRITE_BYTES = 1024 * 1024

const writeAdded = ({ newBytes, storedBytes }: Added, target: Buffer, at: number): void => {
  target.writeBigUInt64LE(BigInt(newBytes), at)
  target.writeBigUInt64LE(BigInt(storedBytes), at + 8)
}

const readAdded = (bytes: Buffer, at: number): Added => ({
  newBytes: Number(bytes.readBigUInt64LE(at)),
  storedBytes: Number(bytes.readBigUInt64LE(at + 8)),
})

const encodeChange = (change: Change): Buffer => {
  const head = Buffer.alloc(CHANGE_HEAD_BYTES)
  head.writeUInt32LE(change.kind === 'put' ? PUT : RESIZE, 0)
  head.writeBigUInt64LE(BigInt(change.kind === 'put' ? change.offset : change.sizeBytes), 4)
  if (change.kind === 'resize') return head
  head.writeBigUInt64LE(BigInt(change.length), 12)
  writeAdded(change.added, head, 20)
  return Buffer.concat([head, encodeSlices(change.slices, change.offset)])
}

const decodeChange = (bytes: Buffer): Change => {
  const offset = Number(bytes.readBigUInt64LE(4))
  if (bytes.readUInt32LE(0) === RESIZE) return { kind: 'resize', sizeBytes: offset }
  const length = Number(bytes.readBigUInt64LE(12))
  const slices = decodeSlices(bytes.subarray(CHANGE_HEAD_BYTES), offset)
  return { kind: 'put', offset, length, slices, added: readAdded(bytes, 20) }
}

const apply = (map: DraftMap, change: Change): void => {
  if (change.kind === 'put') map.put(change.offset, change.length, change.slices)
  else map.resize(change.sizeBytes)
}

/** The whole log of a draft in its present state. A record holds offsets in 32 bits, so it covers one batch of slices. */
const encodeLog = (id: string, map: DraftMap, added: Added): Buffer => {
  const head = Buffer.alloc(LOG_HEAD_BYTES)
  head.writeBigUInt64LE(BigInt(map.sizeBytes), 0)
  writeAdded(added, head, 8)
  const frames = [MAGIC, frameOf(Buffer.concat([head, Buffer.from(id, 'utf8')]))]
  for (const slices of map.within(0, map.sizeBytes)) {
    const [first, last] = [slices[0]!, slices.at(-1)!]
    const length = last.offset + last.length - first.offset
    frames.push(frameOf(encodeChange({ kind: 'put', offset: first.offset, length, slices, added: NOTHING })))
  }
  return Buffer.concat(frames)
}

interface Waiting {
  readonly change: Change
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The durable changes of one draft, in the order in which they took effect. Changes that come together share one fsync. */
export class DraftLog {
  readonly id: string
  readonly map: DraftMap
  /** The sum over all writes, those that others have overwritten too. */
  added: Added = NOTHING
  readonly #files: Files
  readonly #file: string
  #open: OpenFile | undefined
  #end: number
  #isBroken = false
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  private constructor(files: Files, file: string, id: string, map: DraftMap, end: number) {
    this.#files = files
    this.#file = file
    this.id = id
    this.map = map
    this.#end = end
  }

  static async create(files: Files, file: string, id: string, sizeBytes: number): Promise<DraftLog> {
    const map = new DraftMap(sizeBytes)
    const bytes = encodeLog(id, map, NOTHING)
    await replaceFile(files, file, bytes)
    return new DraftLog(files, file, id, map, bytes.length)
  }

  /** Reads a log; what a crash tore off its end was never acknowledged and is dropped. */
  static async load(files: Files, file: string): Promise<DraftLog> {
    const bytes = await readWhole(files, file)
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new DraftDamaged(file)
    const { payloads, validBytes } = readFrames(bytes, MAGIC.length)
    const head = payloads[0]
    if (!head || head.length < LOG_HEAD_BYTES) throw new DraftDamaged(file)
    const map = new DraftMap(Number(head.readBigUInt64LE(0)))
    let slices = 0
    let added = readAdded(head, 8)
    for (const payload of payloads.slice(1)) {
      const change = decodeChange(payload)
      apply(map, change)
      if (change.kind === 'put') added = sumOf(added, change.added)
      slices += payload.length / SLICE_BYTES
    }
    const log = new DraftLog(files, file, head.toString('utf8', LOG_HEAD_BYTES), map, validBytes)
    log.added = added
    const left = [...map.within(0, map.sizeBytes)].reduce((sum, some) => sum + some.length, 0)
    log.#isBroken = validBytes < bytes.length || (slices > 4 * left && validBytes > REWRITE_BYTES)
    return log
  }

  /** Durable, and visible in `map`, when it resolves. */
  append(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  async remove(): Promise<void> {
    await this.close()
    await this.#files.remove(this.#file)
  }

  async close(): Promise<void> {
    await this.#running
    const open = this.#open
    this.#open = undefined
    await open?.close()
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      try {
        await this.#write(Buffer.concat(batch.map(({ change }) => frameOf(encodeChange(change)))))
        for (const { change, resolve } of batch) {
          apply(this.map, change)
          if (change.kind === 'put') this.added = sumOf(this.added, change.added)
          resolve()
        }
      } catch (error) {
        this.#isBroken = true
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = undefined
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#isBroken) await this.#rewrite()
    this.#open ??= await this.#files.open(this.#file, 'write')
    await this.#open.write(bytes, this.#end)
    await this.#open.sync()
    this.#end += bytes.length
  }

  /** After a torn write nobody knows what the end of the file holds: a new file takes its place. */
  async #rewrite(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.close()
    const bytes = encodeLog(this.id, this.map, this.added)
    await replaceFile(this.#files, this.#file, bytes)
    this.#end = bytes.length
    this.#isBroken = false
  }
}
