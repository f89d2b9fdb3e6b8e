import { createHash } from 'node:crypto'
import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, sane } from './file-part.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'

export const vhdFooterBytes = 512
const sectorBytes = 512
const azureAlignmentBytes = 2 ** 20
const cookie = 'conectix'

export const vhdKinds = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' } as const
export type VhdKind = (typeof vhdKinds)[keyof typeof vhdKinds]

/** What the last 512 bytes of a VHD say. */
export interface VhdFooter {
  readonly kind: VhdKind
  readonly imageSizeBytes: number
  /** Where the header of a dynamic or differencing disk lies; unused in a fixed one. */
  readonly headerOffset: number
  readonly creator: string
  readonly uniqueId: string
}

/** Azure takes a VHD only if the image in it (without the footer) is a whole number of MiB. */
export const isAzureAligned = (imageSizeBytes: number): boolean =>
  imageSizeBytes > 0 && imageSizeBytes % azureAlignmentBytes === 0

/** The image as a fixed VHD: its bytes, then a footer. Equal sizes give equal footers. Closing it closes the image. */
export const asFixedVhd = (image: SparseBytes): SparseBytes => {
  const { sizeBytes } = image
  const footer = fixedVhdFooter(sizeBytes)
  return {
    sizeBytes: sizeBytes + vhdFooterBytes,
    async *extents() {
      yield* image.extents()
      yield { offset: sizeBytes, length: vhdFooterBytes }
    },
    async read(offset, target) {
      requireRange(offset, target.length, sizeBytes + vhdFooterBytes)
      const inImage = Math.max(0, Math.min(target.length, sizeBytes - offset))
      if (inImage > 0) await image.read(offset, target.subarray(0, inImage))
      const from = offset + inImage - sizeBytes
      if (inImage < target.length) target.set(footer.subarray(from, from + target.length - inImage), inImage)
    },
    close: () => image.close(),
  }
}

/** The footer of a fixed VHD around an image of this size. */
export const fixedVhdFooter = (imageSizeBytes: number): Buffer => {
  if (imageSizeBytes === 0 || imageSizeBytes % sectorBytes !== 0)
    throw new UnsupportedDisk(
      `A VHD holds whole sectors of 512 bytes, but the image has ${imageSizeBytes} bytes. Enlarge it to a multiple of 1 MiB.`,
    )
  const footer = Buffer.alloc(vhdFooterBytes)
  footer.write(cookie, 0, 'latin1')
  footer.writeUInt32BE(2, 8) // features: the reserved bit, always set
  footer.writeUInt32BE(0x00010000, 12)
  footer.writeBigUInt64BE(0xffffffffffffffffn, 16)
  // The creator decides how others read the size: for a name that QEMU does not know it computes the size from the geometry,
  // which loses the last sectors. 'win ' is Hyper-V's name, and what Azure's own tools write.
  footer.write('win ', 28, 'latin1')
  footer.writeUInt32BE(0x000a0000, 32)
  footer.write('Wi2k', 36, 'latin1')
  footer.writeBigUInt64BE(BigInt(imageSizeBytes), 40)
  footer.writeBigUInt64BE(BigInt(imageSizeBytes), 48)
  writeGeometry(footer, imageSizeBytes)
  footer.writeUInt32BE(2, 60)
  createHash('sha256').update(`fixed VHD of ${imageSizeBytes} bytes`).digest().copy(footer, 68, 0, 16)
  footer.writeUInt32BE(vhdChecksum(footer, 64), 64)
  return footer
}

/** One's complement of the sum of all bytes but the checksum's own four. */
export const vhdChecksum = (structure: Uint8Array, checksumOffset: number): number => {
  let sum = 0
  for (const [index, byte] of structure.entries())
    if (index < checksumOffset || index >= checksumOffset + 4) sum += byte
  return ~sum >>> 0
}

/** What the footer at the end of the file says; undefined if none is there. A damaged one is refused. */
export const vhdFooterOf = async (file: SparseBytes): Promise<VhdFooter | undefined> => {
  if (file.sizeBytes < vhdFooterBytes) return undefined
  const footer = await filePart(file, file.sizeBytes - vhdFooterBytes, vhdFooterBytes, 'VHD footer')
  return footer.toString('latin1', 0, 8) === cookie ? parseVhdFooter(footer) : undefined
}

/** Reads and checks a footer, or the copy of it that a dynamic VHD starts with. */
export const parseVhdFooter = (footer: Buffer): VhdFooter => {
  if (footer.readUInt32BE(64) !== vhdChecksum(footer, 64))
    throw new HostileDisk('The VHD footer has a wrong checksum: the file is damaged. Export it again.')
  const version = footer.readUInt32BE(12)
  if (version !== 0x00010000) throw new UnsupportedDisk(`The VHD footer has version ${version.toString(16)}, not 1.0.`)
  const type = footer.readUInt32BE(60)
  const kind = vhdKinds[type as keyof typeof vhdKinds]
  if (!kind) throw new HostileDisk(`The VHD footer names disk type ${type}, which does not exist.`)
  const imageSizeBytes = sane(footer.readBigUInt64BE(48), 'size in the VHD footer')
  if (imageSizeBytes === 0 || imageSizeBytes % sectorBytes !== 0)
    throw new HostileDisk(`The VHD footer gives the disk ${imageSizeBytes} bytes, which is not a number of sectors.`)
  // A fixed disk has all ones here, no number.
  const headerOffset = kind === 'fixed' ? 0 : sane(footer.readBigUInt64BE(16), 'header offset in the VHD footer')
  const creator = footer.toString('latin1', 28, 32)
  return { kind, imageSizeBytes, headerOffset, creator, uniqueId: footer.toString('hex', 68, 84) }
}

/** Refuses a fixed VHD whose footer disagrees with the length of its file. */
export const requireFixedVhdSize = (file: SparseBytes, footer: VhdFooter): void => {
  const held = file.sizeBytes - vhdFooterBytes
  if (held !== footer.imageSizeBytes)
    throw new HostileDisk(
      `The VHD footer gives the disk ${footer.imageSizeBytes} bytes, but the file holds ${held} before the footer: ` +
        'it is truncated or was resized without its footer. Convert it again, with a fixed size.',
    )
}

/** The geometry by the VHD specification's appendix "CHS Calculation". */
const writeGeometry = (footer: Buffer, imageSizeBytes: number): void => {
  const sectors = Math.min(imageSizeBytes / sectorBytes, 65535 * 16 * 255)
  const { heads, sectorsPerTrack } = trackLayout(sectors)
  footer.writeUInt16BE(Math.floor(Math.floor(sectors / sectorsPerTrack) / heads), 56)
  footer.writeUInt8(heads, 58)
  footer.writeUInt8(sectorsPerTrack, 59)
}

const trackLayout = (sectors: number): { heads: number; sectorsPerTrack: number } => {
  if (sectors >= 65535 * 16 * 63) return { heads: 16, sectorsPerTrack: 255 }
  const tracks = Math.floor(sectors / 17)
  const heads = Math.max(4, Math.floor((tracks + 1023) / 1024))
  if (tracks < heads * 1024 && heads <= 16) return { heads, sectorsPerTrack: 17 }
  const few = Math.floor(sectors / 31)
  return few < 16 * 1024 ? { heads: 16, sectorsPerTrack: 31 } : { heads: 16, sectorsPerTrack: 63 }
}
