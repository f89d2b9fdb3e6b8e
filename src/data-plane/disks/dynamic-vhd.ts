import { type Extent, requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, requireApart, requireInside, sane } from './file-part.ts'
import { parseVhdFooter, type VhdFooter, vhdChecksum, vhdFooterBytes, vhdFooterOf } from './fixed-vhd.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'

const sectorBytes = 512
const headerBytes = 1024
const unused = 0xffffffff
const maxTableEntries = 2 ** 22
/** The format ends there: sector numbers have 32 bits. */
const maxImageBytes = 2040 * 2 ** 30

/** A dynamic VHD that was checked: where each block lies. */
export interface DynamicVhd {
  readonly imageSizeBytes: number
  readonly blockBytes: number
  /** Length of the sector bitmap before each block. */
  readonly bitmapBytes: number
  /** Byte offset of each block's bitmap; undefined for a hole. */
  blockOffset(block: number): number | undefined
  readonly blocks: number
  readonly dataBytes: number
}

/** Reads and judges header and block table of a dynamic VHD. Differencing disks are refused: they name a parent. */
export const parseDynamicVhd = async (file: SparseBytes): Promise<DynamicVhd> => {
  const footer = await dynamicFooter(file)
  const header = await filePart(file, footer.headerOffset, headerBytes, 'header of the dynamic VHD')
  if (header.toString('latin1', 0, 8) !== 'cxsparse' || header.readUInt32BE(36) !== vhdChecksum(header, 36))
    throw new HostileDisk('The header of the dynamic VHD is damaged. Export the disk again.')
  if (header.readUInt32BE(24) !== 0x00010000)
    throw new UnsupportedDisk('The header of the dynamic VHD is not version 1.0.')
  const blockBytes = header.readUInt32BE(32)
  if (blockBytes < 4096 || blockBytes > 2 ** 28 || !Number.isInteger(Math.log2(blockBytes)))
    throw new HostileDisk(`The dynamic VHD claims blocks of ${blockBytes} bytes, which is not allowed.`)
  const blocks = Math.ceil(footer.imageSizeBytes / blockBytes)
  if (blocks > header.readUInt32BE(28) || blocks > maxTableEntries)
    throw new HostileDisk(`The block table of the dynamic VHD can't describe ${footer.imageSizeBytes} bytes.`)
  const tableOffset = sane(header.readBigUInt64BE(16), 'table offset of the dynamic VHD')
  const table = await filePart(file, tableOffset, blocks * 4, 'block table of the dynamic VHD')
  return checkedBlocks(file, footer.imageSizeBytes, blockBytes, table)
}

/** The image in a dynamic VHD, at random access. Sectors that its bitmaps call untouched read as zeros. Closing it closes the file. */
export const openDynamicVhd = async (file: SparseBytes): Promise<SparseBytes> => {
  const vhd = await parseDynamicVhd(file)
  return {
    sizeBytes: vhd.imageSizeBytes,
    extents: () => extentsOf(vhd),
    async read(offset, target) {
      requireRange(offset, target.length, vhd.imageSizeBytes)
      for (let done = 0; done < target.length; ) {
        const within = (offset + done) % vhd.blockBytes
        const part = target.subarray(done, Math.min(target.length, done + vhd.blockBytes - within))
        await readBlock(file, vhd, Math.floor((offset + done) / vhd.blockBytes), within, part)
        done += part.length
      }
    },
    close: () => file.close(),
  }
}

/** The footer rules; the copy at the start has to agree where it is sound, because other readers look there only. */
const dynamicFooter = async (file: SparseBytes): Promise<VhdFooter> => {
  const footer = await vhdFooterOf(file)
  if (!footer)
    throw new HostileDisk('The VHD lacks the footer at its end: the file is truncated. Download or export it again.')
  if (footer.kind === 'differencing')
    throw new HostileDisk(
      'The VHD is a differencing disk: it names a parent file, which is never followed. Merge it first: Merge-VHD, or Convert-VHD to a new file.',
    )
  if (footer.kind !== 'dynamic') throw new HostileDisk('The footer of the VHD says that it is not a dynamic one.')
  if (footer.imageSizeBytes > maxImageBytes)
    throw new HostileDisk(`The dynamic VHD claims ${footer.imageSizeBytes} bytes; the format ends at ${maxImageBytes}.`)
  const copy = parseVhdFooter(await filePart(file, 0, vhdFooterBytes, 'copy of the VHD footer'))
  if (
    copy.kind !== footer.kind ||
    copy.imageSizeBytes !== footer.imageSizeBytes ||
    copy.headerOffset !== footer.headerOffset
  )
    throw new HostileDisk('The two footers of the VHD describe different disks. Export the disk again.')
  return footer
}

/** No block leaves the file or lies on another one, so that a small file can't claim endless data. */
const checkedBlocks = (file: SparseBytes, imageSizeBytes: number, blockBytes: number, table: Buffer): DynamicVhd => {
  const bitmapBytes = Math.ceil(blockBytes / sectorBytes / 8 / sectorBytes) * sectorBytes
  const blocks = table.length / 4
  const blockOffset = (block: number): number | undefined => {
    const sector = table.readUInt32BE(block * 4)
    return sector === unused ? undefined : sector * sectorBytes
  }
  const offsets: number[] = []
  for (let block = 0; block < blocks; block++) {
    const offset = blockOffset(block)
    if (offset === undefined) continue
    const used = Math.min(blockBytes, imageSizeBytes - block * blockBytes)
    requireInside(file, offset, bitmapBytes + used, 'block of the dynamic VHD')
    offsets.push(offset)
  }
  requireApart(Float64Array.from(offsets), bitmapBytes + blockBytes, 'blocks')
  const dataBytes = Math.min(offsets.length * blockBytes, imageSizeBytes)
  return { imageSizeBytes, blockBytes, bitmapBytes, blockOffset, blocks, dataBytes }
}

async function* extentsOf(vhd: DynamicVhd): AsyncGenerator<Extent> {
  let start = 0
  let end = 0
  for (let block = 0; block < vhd.blocks; block++) {
    if (vhd.blockOffset(block) === undefined) continue
    const offset = block * vhd.blockBytes
    if (offset !== end) {
      if (start < end) yield { offset: start, length: end - start }
      start = offset
    }
    end = Math.min(offset + vhd.blockBytes, vhd.imageSizeBytes)
  }
  if (start < end) yield { offset: start, length: end - start }
}

const readBlock = async (file: SparseBytes, vhd: DynamicVhd, block: number, within: number, target: Uint8Array) => {
  const offset = vhd.blockOffset(block)
  if (offset === undefined) return void target.fill(0)
  await file.read(offset + vhd.bitmapBytes + within, target)
  const firstSector = Math.floor(within / sectorBytes)
  const lastSector = Math.floor((within + target.length - 1) / sectorBytes)
  const firstByte = Math.floor(firstSector / 8)
  const bitmap = Buffer.alloc(Math.floor(lastSector / 8) - firstByte + 1)
  await file.read(offset + firstByte, bitmap)
  for (let sector = firstSector; sector <= lastSector; sector++) {
    const isTouched = ((bitmap[Math.floor(sector / 8) - firstByte] ?? 0) >> (7 - (sector % 8))) & 1
    if (isTouched) continue
    const start = Math.max(0, sector * sectorBytes - within)
    target.fill(0, start, Math.min(target.length, (sector + 1) * sectorBytes - within))
  }
}
