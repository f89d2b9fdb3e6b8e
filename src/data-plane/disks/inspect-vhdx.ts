import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, Places, requireInside, sane } from './file-part.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'

// Structures and offsets by [MS-VHDX]. All numbers are little-endian, GUIDs in Microsoft's mixed order.
export const vhdxMagic = 'vhdxfile'
const kib = 1024
const mib = 2 ** 20
const tableBytes = 64 * kib
const maxEntries = 2047
const headerOffsets = [64 * kib, 128 * kib] as const
const regionOffsets = [192 * kib, 256 * kib] as const

const regions = {
  bat: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const
const items = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  page83: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const

const payload = { fullyPresent: 6, partlyPresent: 7 } as const

/** Virtual size and an upper bound of the data of a VHDX without a parent, all of whose blocks lie inside the file. */
export const inspectVhdx = async (file: SparseBytes): Promise<{ virtualSizeBytes: number; dataBytes: number }> => {
  requireInside(file, 0, mib, 'VHDX header section')
  await requireHeader(file)
  const [bat, metadata] = await regionTable(file)
  const disk = await metadataTable(file, metadata)
  const dataBytes = await inspectBat(file, bat, disk)
  return { virtualSizeBytes: disk.virtualSizeBytes, dataBytes }
}

/** The two headers are written in turn; at least one has to be whole. The log is left to the decoder, which opens read-only. */
const requireHeader = async (file: SparseBytes): Promise<void> => {
  let sound = 0
  for (const offset of headerOffsets) {
    const header = await filePart(file, offset, 4 * kib, 'VHDX header')
    if (header.toString('latin1', 0, 4) !== 'head' || !hasChecksum(header)) continue
    sound++
    if (header.readUInt16LE(66) !== 1)
      throw new UnsupportedDisk(`The VHDX has version ${header.readUInt16LE(66)}, not 1.`)
    const [logBytes, logOffset] = [header.readUInt32LE(68), sane(header.readBigUInt64LE(72), 'offset of the VHDX log')]
    if (logBytes % mib !== 0 || logOffset % mib !== 0) throw new HostileDisk('The VHDX log has no valid place.')
    requireInside(file, logOffset, logBytes, 'VHDX log')
  }
  if (sound === 0) throw new HostileDisk('Both headers of the VHDX are damaged. Export the disk again.')
}

interface Region {
  readonly offset: number
  readonly length: number
}

/** Both copies have to say the same: a reader that trusts the other one must not see another disk. */
const regionTable = async (file: SparseBytes): Promise<[bat: Region, metadata: Region]> => {
  const [first, second] = [
    await filePart(file, regionOffsets[0], tableBytes, 'VHDX region table'),
    await filePart(file, regionOffsets[1], tableBytes, 'VHDX region table'),
  ]
  for (const table of [first, second])
    if (table.toString('latin1', 0, 4) !== 'regi' || !hasChecksum(table))
      throw new HostileDisk('A region table of the VHDX is damaged. Export the disk again.')
  if (!first.equals(second)) throw new HostileDisk('The two region tables of the VHDX differ. Export the disk again.')
  const found = new Map<string, Region>()
  for (const entry of entriesOf(first, 16, first.readUInt32LE(8))) {
    const id = guidAt(entry, 0)
    const region = {
      offset: sane(entry.readBigUInt64LE(16), 'offset of a VHDX region'),
      length: entry.readUInt32LE(24),
    }
    if (found.has(id)) throw new HostileDisk('The VHDX has a region twice.')
    if (id !== regions.bat && id !== regions.metadata) {
      if (entry.readUInt32LE(28) & 1)
        throw new UnsupportedDisk(`The VHDX needs a region (${id}) that is not known here.`)
      continue
    }
    if (region.offset < mib || region.offset % mib !== 0)
      throw new HostileDisk('A region of the VHDX has no valid place.')
    requireInside(file, region.offset, region.length, 'VHDX region')
    found.set(id, region)
  }
  const [bat, metadata] = [found.get(regions.bat), found.get(regions.metadata)]
  if (!bat || !metadata) throw new HostileDisk('The VHDX lacks its block table or its metadata.')
  return [bat, metadata]
}

interface VhdxDisk {
  readonly virtualSizeBytes: number
  readonly blockBytes: number
  readonly sectorBytes: number
}

const metadataTable = async (file: SparseBytes, region: Region): Promise<VhdxDisk> => {
  const table = await filePart(file, region.offset, Math.min(region.length, tableBytes), 'VHDX metadata table')
  if (table.length < tableBytes || table.toString('latin1', 0, 8) !== 'metadata')
    throw new HostileDisk('The metadata of the VHDX is damaged.')
  const values = new Map<string, Buffer>()
  for (const entry of entriesOf(table, 32, table.readUInt16LE(10))) {
    const id = guidAt(entry, 0)
    const [offset, length, flags] = [entry.readUInt32LE(16), entry.readUInt32LE(20), entry.readUInt32LE(24)]
    if (id === items.parentLocator) refuseParent()
    const isUser = (flags & 1) !== 0
    if (isUser || !(Object.values(items) as string[]).includes(id)) {
      if (flags & 4) throw new UnsupportedDisk(`The VHDX needs metadata (${id}) that is not known here.`)
      continue
    }
    if (values.has(id)) throw new HostileDisk('The VHDX has an item of metadata twice.')
    if (offset < tableBytes || offset + length > region.length || length > 1 * mib)
      throw new HostileDisk('An item of the VHDX metadata lies outside of its region: the file is damaged.')
    values.set(id, await filePart(file, region.offset + offset, length, 'VHDX metadata item'))
  }
  return diskOf(values)
}

const diskOf = (values: ReadonlyMap<string, Buffer>): VhdxDisk => {
  const item = (id: string, length: number): Buffer => {
    const value = values.get(id)
    if (!value || value.length < length)
      throw new HostileDisk('The VHDX lacks an item of its metadata: the file is damaged.')
    return value
  }
  const parameters = item(items.fileParameters, 8)
  const [blockBytes, flags] = [parameters.readUInt32LE(0), parameters.readUInt32LE(4)]
  if (flags & 2) refuseParent()
  if (flags & ~3) throw new UnsupportedDisk('The VHDX has file parameters that are not known here.')
  const sectorBytes = item(items.logicalSector, 4).readUInt32LE(0)
  const virtualSizeBytes = sane(item(items.virtualSize, 8).readBigUInt64LE(0), 'virtual size')
  if (blockBytes < mib || blockBytes > 256 * mib || !isPowerOfTwo(blockBytes))
    throw new HostileDisk(`The VHDX claims blocks of ${blockBytes} bytes, which is not allowed.`)
  if (sectorBytes !== 512 && sectorBytes !== 4096)
    throw new HostileDisk(`The VHDX claims sectors of ${sectorBytes} bytes, which is not allowed.`)
  if (virtualSizeBytes === 0 || virtualSizeBytes % sectorBytes !== 0 || virtualSizeBytes > 64 * 2 ** 40)
    throw new HostileDisk(`The VHDX claims a disk of ${virtualSizeBytes} bytes, which is not allowed.`)
  return { virtualSizeBytes, blockBytes, sectorBytes }
}

const refuseParent = (): never => {
  throw new HostileDisk(
    'The VHDX is a differencing disk: it names a parent file, which is never followed. Merge it first: Merge-VHD, or Convert-VHD to a new file.',
  )
}

/** Every block that is present lies inside the file, in a place of its own. */
const inspectBat = async (file: SparseBytes, bat: Region, disk: VhdxDisk): Promise<number> => {
  const blocks = Math.ceil(disk.virtualSizeBytes / disk.blockBytes)
  const blocksPerBitmap = (2 ** 23 * disk.sectorBytes) / disk.blockBytes
  const entries = blocks + Math.floor((blocks - 1) / blocksPerBitmap)
  if (entries * 8 > bat.length) throw new HostileDisk('The block table of the VHDX is too short for its disk.')
  const places = new Places(file.sizeBytes, mib, 'blocks')
  let dataBytes = 0
  for (let first = 0; first < entries; first += mib / 8) {
    const part = await filePart(file, bat.offset + first * 8, Math.min(mib, (entries - first) * 8), 'VHDX block table')
    for (let at = 0; at < part.length; at += 8) {
      const isBitmap = (first + at / 8 + 1) % (blocksPerBitmap + 1) === 0
      const [low, high] = [part.readUInt32LE(at), part.readUInt32LE(at + 4)]
      const state = low & 7
      if (!isBitmap && state === payload.partlyPresent) refuseParent()
      if (isBitmap || state !== payload.fullyPresent) continue
      const offset = high * 2 ** 32 + (low - (low % mib))
      requireInside(file, offset, disk.blockBytes, 'block of the VHDX')
      for (let unit = 0; unit < disk.blockBytes; unit += mib) places.take(offset + unit)
      dataBytes += disk.blockBytes
    }
  }
  return Math.min(dataBytes, disk.virtualSizeBytes)
}

function* entriesOf(table: Buffer, start: number, count: number): Generator<Buffer> {
  if (count > maxEntries) throw new HostileDisk(`A table of the VHDX claims ${count} entries, which is absurd.`)
  for (let index = 0; index < count; index++) yield table.subarray(start + index * 32, start + (index + 1) * 32)
}

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))

/** A GUID as it is written, from Microsoft's order of bytes. */
export const guidAt = (bytes: Buffer, at: number): string => {
  const number = (offset: number, length: number) =>
    bytes
      .readUIntLE(at + offset, length)
      .toString(16)
      .padStart(length * 2, '0')
  const tail = bytes.toString('hex', at + 8, at + 16)
  return `${number(0, 4)}-${number(4, 2)}-${number(6, 2)}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

const hasChecksum = (structure: Buffer): boolean => structure.readUInt32LE(4) === vhdxChecksum(structure)

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C of a structure whose checksum, four bytes at 4, counts as zero. */
export const vhdxChecksum = (structure: Uint8Array): number => {
  let crc = 0xffffffff
  for (let index = 0; index < structure.length; index++) {
    const byte = index >= 4 && index < 8 ? 0 : (structure[index] ?? 0)
    crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 255] ?? 0)
  }
  return ~crc >>> 0
}
