import { idBytes, idText } from './chunk-index.ts'
import { hashOf } from './chunk-kernel.ts'
import type { ChunkId, ManifestId } from './chunk-store.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'

/** A range of an image and where its bytes are: `skip` bytes into a chunk. What no slice covers reads as zeros. */
export interface Slice {
  readonly offset: number
  readonly length: number
  readonly id: ChunkId
  readonly skip: number
}

/** One page of a manifest: the slices that start in one span of the image. The page is stored as a chunk. */
export interface PageRef {
  /** Offset of the page's first slice. */
  readonly offset: number
  readonly slices: number
  readonly id: ChunkId
}

export interface Manifest {
  readonly sizeBytes: number
  readonly dataBytes: number
  readonly nominalBytes: number
  readonly pages: readonly PageRef[]
}

/** A manifest or one of its pages breaks the rules of the format: no store writes such a thing. */
export class ManifestMalformed extends Error {
  override readonly name = 'ManifestMalformed'
}

const require_ = (condition: boolean, what: string): void => {
  if (!condition) throw new ManifestMalformed(`The manifest is malformed: ${what}.`)
}

export const MAX_IMAGE_BYTES = 64 * 2 ** 40
export const MAX_ROOT_BYTES = 64 * 2 ** 20
export const MAX_PAGE_SLICES = 4096
const ROOT_MAGIC = Buffer.from('OGMANIF1', 'latin1')
const PAGE_MAGIC = Buffer.from('OGPAGE01', 'latin1')
const ROOT_HEAD_BYTES = 32
const REF_BYTES = 48
export const SLICE_BYTES = 44

/** The part of the image that one page describes. Offsets in a page count from the start of its span. */
export const spanBytesOf = (nominalBytes: number): number => nominalBytes * 512

export const encodeRoot = ({ sizeBytes, dataBytes, nominalBytes, pages }: Manifest): Buffer => {
  const bytes = Buffer.alloc(ROOT_HEAD_BYTES + pages.length * REF_BYTES)
  ROOT_MAGIC.copy(bytes, 0)
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 8)
  bytes.writeBigUInt64LE(BigInt(dataBytes), 16)
  bytes.writeUInt32LE(nominalBytes, 24)
  bytes.writeUInt32LE(pages.length, 28)
  for (const [i, page] of pages.entries()) {
    const at = ROOT_HEAD_BYTES + i * REF_BYTES
    bytes.writeBigUInt64LE(BigInt(page.offset), at)
    bytes.writeUInt32LE(page.slices, at + 8)
    bytes.set(idBytes(page.id), at + 16)
  }
  return bytes
}

export const manifestIdOf = (root: Uint8Array): ManifestId => hashOf(root).toString('hex') as ManifestId

/** Reads a root that may come from a stranger. Throws `ManifestMalformed`. */
export const decodeRoot = (root: Uint8Array): Manifest => {
  const bytes = Buffer.from(root.buffer, root.byteOffset, root.byteLength)
  require_(bytes.length >= ROOT_HEAD_BYTES && bytes.length <= MAX_ROOT_BYTES, 'size of the root')
  require_(bytes.subarray(0, 8).equals(ROOT_MAGIC), 'not a manifest, or one of a later version')
  const sizeBytes = Number(bytes.readBigUInt64LE(8))
  const dataBytes = Number(bytes.readBigUInt64LE(16))
  const nominalBytes = bytes.readUInt32LE(24)
  const count = bytes.readUInt32LE(28)
  require_(sizeBytes <= MAX_IMAGE_BYTES && dataBytes <= sizeBytes, 'size of the image')
  require_(nominalBytes === 65_536 || nominalBytes === 131_072, 'chunk size')
  require_(bytes.length === ROOT_HEAD_BYTES + count * REF_BYTES, 'number of pages')
  const pages: PageRef[] = []
  let end = 0
  for (let at = ROOT_HEAD_BYTES; at < bytes.length; at += REF_BYTES) {
    const offset = Number(bytes.readBigUInt64LE(at))
    const slices = bytes.readUInt32LE(at + 8)
    require_(offset >= end && offset < sizeBytes && bytes.readUInt32LE(at + 12) === 0, 'order of pages')
    require_(slices > 0 && slices <= MAX_PAGE_SLICES, 'slices of a page')
    end = offset + slices
    pages.push({ offset, slices, id: idText(bytes, at + 16) })
  }
  return { sizeBytes, dataBytes, nominalBytes, pages }
}

/** Slices in the layout of pages and drafts, offsets relative to `base`. */
export const encodeSlices = (slices: readonly Slice[], base: number): Buffer => {
  const bytes = Buffer.alloc(slices.length * SLICE_BYTES)
  for (const [i, slice] of slices.entries()) {
    const at = i * SLICE_BYTES
    bytes.writeUInt32LE(slice.offset - base, at)
    bytes.writeUInt32LE(slice.length, at + 4)
    bytes.writeUInt32LE(slice.skip, at + 8)
    bytes.set(idBytes(slice.id), at + 12)
  }
  return bytes
}

const sliceAt = (bytes: Buffer, at: number, base: number): Slice => ({
  offset: base + bytes.readUInt32LE(at),
  length: bytes.readUInt32LE(at + 4),
  skip: bytes.readUInt32LE(at + 8),
  id: idText(bytes, at + 12),
})

export const decodeSlices = (bytes: Buffer, base: number): Slice[] => {
  const slices: Slice[] = []
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) slices.push(sliceAt(bytes, at, base))
  return slices
}

/** The slices that reach into `[from, to)`, found without decoding the others. */
export const slicesWithin = (bytes: Buffer, base: number, from: number, to: number): Slice[] => {
  let [low, high] = [0, bytes.length / SLICE_BYTES]
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = middle * SLICE_BYTES
    if (base + bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) <= from) low = middle + 1
    else high = middle
  }
  const slices: Slice[] = []
  for (let at = low * SLICE_BYTES; at < bytes.length && base + bytes.readUInt32LE(at) < to; at += SLICE_BYTES)
    slices.push(sliceAt(bytes, at, base))
  return slices
}

export const encodePage = (slices: readonly Slice[], base: number): Buffer =>
  Buffer.concat([PAGE_MAGIC, encodeSlices(slices, base)])

export const pageSlices = (page: Uint8Array): Buffer =>
  Buffer.from(page.buffer, page.byteOffset + PAGE_MAGIC.length, Math.max(0, page.byteLength - PAGE_MAGIC.length))

/** Where the offsets of a page count from. */
export const pageBase = (manifest: Manifest, page: PageRef): number =>
  page.offset - (page.offset % spanBytesOf(manifest.nominalBytes))

/** The slices of a page after `checkedSlices`. */
export const checkPage = (manifest: Manifest, number: number, page: Uint8Array): Slice[] =>
  decodeSlices(checkedSlices(manifest, number, page), pageBase(manifest, manifest.pages[number]!))

/**
 * Checks a page that may come from a stranger: ordered slices without overlap, inside of the image. They stay as they are encoded:
 * who looks at those of a large image makes no object for each. Throws `ManifestMalformed`.
 */
export const checkedSlices = (manifest: Manifest, number: number, page: Uint8Array): Buffer => {
  const ref = manifest.pages[number]!
  const magic = Buffer.from(page.buffer, page.byteOffset, Math.min(8, page.byteLength))
  require_(magic.equals(PAGE_MAGIC), 'not a page')
  require_(page.byteLength === PAGE_MAGIC.length + ref.slices * SLICE_BYTES, 'length of a page')
  const limit = manifest.pages[number + 1]?.offset ?? manifest.sizeBytes
  const slices = pageSlices(page)
  const base = pageBase(manifest, ref)
  let end = ref.offset
  require_(base + slices.readUInt32LE(0) === ref.offset, 'start of a page')
  for (let at = 0; at < slices.length; at += SLICE_BYTES) {
    const [offset, length] = [base + slices.readUInt32LE(at), slices.readUInt32LE(at + 4)]
    require_(offset >= end && length > 0 && offset + length <= limit, 'order of slices')
    require_(slices.readUInt32LE(at + 8) + length <= MAX_CHUNK_BYTES, 'slice of a chunk')
    end = offset + length
  }
  return slices
}

/** The part of a slice inside of `[from, to)`. */
export const clip = (slice: Slice, from: number, to: number): Slice => {
  const start = Math.max(slice.offset, from)
  const end = Math.min(slice.offset + slice.length, to)
  return { id: slice.id, offset: start, length: end - start, skip: slice.skip + start - slice.offset }
}
