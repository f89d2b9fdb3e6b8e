import { fixedVhdFooter, vhdChecksum } from './fixed-vhd.ts'
import { vhdxChecksum } from './inspect-vhdx.ts'

// Sound disk files of every format, built by hand and as small as the format allows, for tests to read, break and mutate.
// Each holds `sampleData` at byte `sampleOffset` of its disk and zeros elsewhere.

const mib = 2 ** 20
export const sampleData = Buffer.alloc(512, 'sample')
export const sampleOffset = 1024

/** A qcow2 with clusters of 512 bytes: header, refcount table, refcount block, L1, L2, one data cluster. */
export const sampleQcow2 = (version: 2 | 3 = 3, virtualSizeBytes = 32 * 1024): Buffer => {
  const file = Buffer.alloc(6 * 512)
  file.write('QFI\xfb', 0, 'latin1')
  file.writeUInt32BE(version, 4)
  file.writeUInt32BE(9, 20)
  file.writeBigUInt64BE(BigInt(virtualSizeBytes), 24)
  file.writeUInt32BE(1, 36)
  file.writeBigUInt64BE(3n * 512n, 40)
  file.writeBigUInt64BE(512n, 48)
  file.writeUInt32BE(1, 56)
  if (version === 3) file.writeUInt32BE(4, 96)
  if (version === 3) file.writeUInt32BE(104, 100)
  file.writeBigUInt64BE(1024n, 512)
  for (let cluster = 0; cluster < 6; cluster++) file.writeUInt16BE(1, 1024 + cluster * 2)
  file.writeBigUInt64BE((1n << 63n) | 2048n, 3 * 512)
  file.writeBigUInt64BE((1n << 63n) | 2560n, 4 * 512 + (sampleOffset / 512) * 8)
  sampleData.copy(file, 5 * 512)
  return file
}

/** Appends a header extension to a sample qcow2 whose first cluster has room for it. */
export const withExtension = (file: Buffer, type: number, content: string): Buffer => {
  const at = file.readUInt32BE(4) === 3 ? 104 : 72
  file.writeUInt32BE(type, at)
  file.writeUInt32BE(content.length, at + 4)
  file.write(content, at + 8, 'latin1')
  return file
}

/** A fixed VHD of 1 MiB. */
export const sampleFixedVhd = (): Buffer => {
  const image = Buffer.alloc(mib)
  sampleData.copy(image, sampleOffset)
  return Buffer.concat([image, fixedVhdFooter(mib)])
}

export interface DynamicParts {
  readonly imageSizeBytes: number
  readonly blockBytes: number
  /** The stored blocks in the order of the file: which block, its bitmap of sectors, its bytes. */
  readonly stored: readonly { readonly block: number; readonly bitmap: Buffer; readonly data: Buffer }[]
}

/** A dynamic VHD: copy of the footer, header, block table, blocks, footer. */
export const dynamicVhd = ({ imageSizeBytes, blockBytes, stored }: DynamicParts): Buffer => {
  const blocks = Math.ceil(imageSizeBytes / blockBytes)
  const footer = fixedVhdFooter(imageSizeBytes)
  footer.writeBigUInt64BE(512n, 16)
  footer.writeUInt32BE(3, 60)
  const header = Buffer.alloc(1024)
  header.write('cxsparse', 0, 'latin1')
  header.writeBigUInt64BE(0xffffffffffffffffn, 8)
  header.writeBigUInt64BE(1536n, 16)
  header.writeUInt32BE(0x00010000, 24)
  header.writeUInt32BE(blocks, 28)
  header.writeUInt32BE(blockBytes, 32)
  const table = Buffer.alloc(Math.ceil((blocks * 4) / 512) * 512, 0xff)
  let sector = (1536 + table.length) / 512
  for (const { block, bitmap, data } of stored) {
    table.writeUInt32BE(sector, block * 4)
    sector += (bitmap.length + data.length) / 512
  }
  return mendVhd(Buffer.concat([footer, header, table, ...stored.flatMap(s => [s.bitmap, s.data]), footer]))
}

export const sampleDynamicVhd = (): Buffer => {
  const data = Buffer.alloc(4096)
  sampleData.copy(data, sampleOffset)
  return dynamicVhd({
    imageSizeBytes: 64 * 1024,
    blockBytes: 4096,
    stored: [{ block: 0, bitmap: Buffer.alloc(512, 0xff), data }],
  })
}

/** Makes the checksums of a VHD right again, so that a test reaches what lies behind them. */
export const mendVhd = (file: Buffer): Buffer => {
  const mend = (offset: number, length: number, checksumOffset: number) => {
    if (offset < 0 || offset + length > file.length) return
    const structure = file.subarray(offset, offset + length)
    structure.writeUInt32BE(vhdChecksum(structure, checksumOffset), checksumOffset)
  }
  mend(file.length - 512, 512, 64)
  if (file.toString('latin1', 0, 8) !== 'conectix') return file
  mend(0, 512, 64)
  mend(512, 1024, 36)
  return file
}

const guid = (text: string): Buffer => {
  const hex = Buffer.from(text.replaceAll('-', ''), 'hex')
  return Buffer.concat([
    hex.subarray(0, 4).reverse(),
    hex.subarray(4, 6).reverse(),
    hex.subarray(6, 8).reverse(),
    hex.subarray(8),
  ])
}

export const vhdxItems = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  page83: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const

/** Where the items of a sample VHDX lie, for a test to change them. */
export const vhdxPlaces = { metadata: 2 * mib, parameters: 2 * mib + 65_536, bat: 3 * mib, block: 4 * mib } as const

/** A VHDX of one block of 1 MiB: headers and tables, log, metadata, block table, block. */
export const sampleVhdx = (): Buffer => {
  const file = Buffer.alloc(5 * mib)
  file.write('vhdxfile', 0, 'latin1')
  for (const [index, offset] of [64 * 1024, 128 * 1024].entries()) {
    file.write('head', offset, 'latin1')
    file.writeBigUInt64LE(BigInt(index + 1), offset + 8)
    file.writeUInt16LE(1, offset + 66)
    file.writeUInt32LE(mib, offset + 68)
    file.writeBigUInt64LE(BigInt(mib), offset + 72)
  }
  for (const offset of [192 * 1024, 256 * 1024]) {
    file.write('regi', offset, 'latin1')
    file.writeUInt32LE(2, offset + 8)
    writeRegion(file, offset + 16, '2dc27766-f623-4200-9d64-115e9bfd4a08', vhdxPlaces.bat)
    writeRegion(file, offset + 48, '8b7ca206-4790-4b9a-b8fe-575f050f886e', vhdxPlaces.metadata)
  }
  file.write('metadata', vhdxPlaces.metadata, 'latin1')
  addVhdxItem(file, vhdxItems.fileParameters, numbers(mib, 0))
  addVhdxItem(file, vhdxItems.virtualSize, numbers(mib, 0))
  addVhdxItem(file, vhdxItems.page83, Buffer.alloc(16, 1))
  addVhdxItem(file, vhdxItems.logicalSector, numbers(512))
  addVhdxItem(file, vhdxItems.physicalSector, numbers(512))
  file.writeBigUInt64LE(BigInt(vhdxPlaces.block) | 6n, vhdxPlaces.bat)
  sampleData.copy(file, vhdxPlaces.block + sampleOffset)
  return mendVhdx(file)
}

const numbers = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4)
  return bytes
}

const writeRegion = (file: Buffer, at: number, id: string, offset: number): void => {
  guid(id).copy(file, at)
  file.writeBigUInt64LE(BigInt(offset), at + 16)
  file.writeUInt32LE(mib, at + 24)
  file.writeUInt32LE(1, at + 28)
}

/** Adds an item of metadata: required, of the virtual disk (but for the file parameters, as Hyper-V writes them). */
export const addVhdxItem = (file: Buffer, id: string, value: Buffer): void => {
  const table = vhdxPlaces.metadata
  const index = file.readUInt16LE(table + 10)
  file.writeUInt16LE(index + 1, table + 10)
  const entry = table + 32 + index * 32
  guid(id).copy(file, entry)
  file.writeUInt32LE(65_536 + index * 4096, entry + 16)
  file.writeUInt32LE(value.length, entry + 20)
  file.writeUInt32LE(id === vhdxItems.fileParameters ? 4 : 6, entry + 24)
  value.copy(file, table + 65_536 + index * 4096)
}

/** Makes the checksums of a VHDX right again. */
export const mendVhdx = (file: Buffer): Buffer => {
  for (const [offset, length] of [
    [64 * 1024, 4096],
    [128 * 1024, 4096],
    [192 * 1024, 65_536],
    [256 * 1024, 65_536],
  ] as const) {
    if (offset + length > file.length) continue
    mendVhdxPart(file.subarray(offset, offset + length))
  }
  return file
}

export const mendVhdxPart = (structure: Buffer): number => structure.writeUInt32LE(vhdxChecksum(structure), 4)

export const vmdkDescriptor = (createType: string, extents: string, more = ''): string =>
  `# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="${createType}"\n${more}\n` +
  `# Extent description\n${extents}\n\n# The Disk Data Base\nddb.adapterType = "lsilogic"\n`

/** A monolithic sparse VMDK with grains of 4 KiB: header, descriptor (20 sectors), directory, one table, one grain. */
export const sampleVmdk = (descriptor = vmdkDescriptor('monolithicSparse', 'RW 128 SPARSE "sample.vmdk"')): Buffer => {
  const file = Buffer.alloc(26 * 512 + 4096)
  file.write('KDMV', 0, 'latin1')
  file.writeUInt32LE(1, 4)
  file.writeUInt32LE(1, 8)
  file.writeBigUInt64LE(128n, 12)
  file.writeBigUInt64LE(8n, 20)
  file.writeBigUInt64LE(1n, 28)
  file.writeBigUInt64LE(20n, 36)
  file.writeUInt32LE(512, 44)
  file.writeBigUInt64LE(21n, 56)
  file.writeBigUInt64LE(26n, 64)
  file.write('\n \r\n', 73, 'latin1')
  file.write(descriptor, 512, 'latin1')
  file.writeUInt32LE(22, 21 * 512)
  file.writeUInt32LE(26, 22 * 512)
  sampleData.copy(file, 26 * 512 + sampleOffset)
  return file
}

/** The same bytes with the directory found through a footer, as a stream is written. The grains stay uncompressed. */
export const sampleVmdkStream = (): Buffer => {
  const body = sampleVmdk(vmdkDescriptor('streamOptimized', 'RW 128 SPARSE "sample.vmdk"'))
  const footer = Buffer.alloc(3 * 512)
  footer.writeBigUInt64LE(1n, 0)
  footer.writeUInt32LE(3, 12)
  body.copy(footer, 512, 0, 512)
  body.writeBigUInt64LE(0xffffffffffffffffn, 56)
  return Buffer.concat([body, footer])
}
