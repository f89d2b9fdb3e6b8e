import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, Places, requireInside, sane } from './file-part.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'

// Structures by VMware's "Virtual Disk Format 5.0". Numbers are little-endian, offsets count sectors.
export const vmdkMagic = 'KDMV'
export const vmdkOldMagic = 'COWD'
export const vmdkTextStart = '# Disk DescriptorFile'
const sectorBytes = 512
const maxDescriptorBytes = 2 ** 20
const maxGrainDirectoryEntries = 2 ** 22
const atEnd = 0xffffffffffffffffn
const flags = { compressed: 1 << 16, markers: 1 << 17 } as const
/** QEMU looks for the name of a parent in the 20 sectors here, wherever the header says that the descriptor is. */
const qemuDescriptor = { offset: sectorBytes, length: 20 * sectorBytes } as const

export type VmdkKind = 'monolithicSparse' | 'streamOptimized'

/** Kind, virtual size and an upper bound of the data of a one-file VMDK, all of whose tables and grains lie inside the file. */
export const inspectVmdk = async (
  file: SparseBytes,
): Promise<{ kind: VmdkKind; virtualSizeBytes: number; dataBytes: number }> => {
  const header = await vmdkHeader(file)
  const kind = await requireLoneDescriptor(file, header)
  const dataBytes = await inspectGrains(file, header)
  return { kind, virtualSizeBytes: header.virtualSizeBytes, dataBytes }
}

interface VmdkHeader {
  readonly virtualSizeBytes: number
  readonly grainBytes: number
  readonly grainsPerTable: number
  readonly isCompressed: boolean
  readonly descriptorOffset: number
  readonly descriptorBytes: number
  readonly directoryOffset: number
}

/** The header; of a stream, whose directory is written last, the copy of it in the footer. */
const vmdkHeader = async (file: SparseBytes): Promise<VmdkHeader> => {
  const first = await filePart(file, 0, sectorBytes, 'VMDK header')
  if (first.readBigUInt64LE(56) !== atEnd) return parseHeader(first)
  requireInside(file, 0, 4 * sectorBytes, 'VMDK footer')
  const last = await filePart(file, file.sizeBytes - 3 * sectorBytes, 3 * sectorBytes, 'VMDK footer')
  const footer = last.subarray(sectorBytes, 2 * sectorBytes)
  if (
    footer.toString('latin1', 0, 4) !== vmdkMagic ||
    footer.readBigUInt64LE(56) === atEnd ||
    last.readUInt32LE(12) !== 3
  )
    throw new HostileDisk('The VMDK has no footer: the download or export was cut short. Get it again.')
  const differs = [12, 20].some(at => first.readBigUInt64LE(at) !== footer.readBigUInt64LE(at))
  if (differs || first.readUInt32LE(44) !== footer.readUInt32LE(44))
    throw new HostileDisk('Header and footer of the VMDK describe different disks.')
  first.copy(footer, 28, 28, 44) // the descriptor is in front
  return parseHeader(footer)
}

const parseHeader = (header: Buffer): VmdkHeader => {
  const version = header.readUInt32LE(4)
  if (version < 1 || version > 3) throw new UnsupportedDisk(`The VMDK has version ${version}, which is not known here.`)
  const bytes = (at: number, what: string) => sane(header.readBigUInt64LE(at) * BigInt(sectorBytes), what)
  const virtualSizeBytes = bytes(12, 'capacity in the VMDK header')
  const grainBytes = bytes(20, 'grain size of the VMDK')
  const grainsPerTable = header.readUInt32LE(44)
  // QEMU takes a capacity of zero as a text descriptor, which may name other files.
  if (virtualSizeBytes === 0) throw new HostileDisk('The VMDK has no capacity.')
  if (grainBytes < 8 * sectorBytes || grainBytes > 2 ** 30 || !Number.isInteger(Math.log2(grainBytes)))
    throw new HostileDisk(`The VMDK claims grains of ${grainBytes} bytes, which is not allowed.`)
  if (grainsPerTable < 1 || grainsPerTable > 512)
    throw new HostileDisk(`The VMDK claims grain tables of ${grainsPerTable} entries, which is not allowed.`)
  const isCompressed = (header.readUInt32LE(8) & flags.compressed) !== 0
  if (isCompressed && header.readUInt16LE(77) !== 1)
    throw new UnsupportedDisk('The VMDK is compressed in a way that is not known here.')
  const descriptorOffset = bytes(28, 'descriptor offset of the VMDK')
  const descriptorBytes = bytes(36, 'descriptor size of the VMDK')
  const directoryOffset = bytes(56, 'grain directory offset of the VMDK')
  return {
    virtualSizeBytes,
    grainBytes,
    grainsPerTable,
    isCompressed,
    descriptorOffset,
    descriptorBytes,
    directoryOffset,
  }
}

/** The embedded descriptor: of a whole disk in this one file. */
const requireLoneDescriptor = async (file: SparseBytes, header: VmdkHeader): Promise<VmdkKind> => {
  if (header.descriptorOffset === 0)
    throw new UnsupportedDisk('The VMDK is one extent of a disk in several files. Convert the whole disk first.')
  if (header.descriptorBytes === 0 || header.descriptorBytes > maxDescriptorBytes)
    throw new HostileDisk(`The VMDK claims a descriptor of ${header.descriptorBytes} bytes, which is absurd.`)
  const part = await filePart(file, header.descriptorOffset, header.descriptorBytes, 'VMDK descriptor')
  const whereQemuLooks = await filePart(
    file,
    qemuDescriptor.offset,
    Math.min(qemuDescriptor.length, file.sizeBytes - qemuDescriptor.offset),
    'VMDK descriptor',
  )
  const text = part.toString('latin1')
  for (const place of [text, whereQemuLooks.toString('latin1')])
    if (/parentFileNameHint/i.test(place))
      throw new HostileDisk('The VMDK names a parent file, which is never followed. Consolidate its snapshots first.')
  const parent = /^\s*parentCID\s*=\s*([0-9a-f]+)/im.exec(text)?.[1]
  if (parent && parent.toLowerCase() !== 'ffffffff')
    throw new HostileDisk('The VMDK is a snapshot of another one. Consolidate its snapshots first.')
  requireOneExtent(text)
  return kindOf(text)
}

const kindOf = (descriptor: string): VmdkKind => {
  const kind = /^\s*createType\s*=\s*"([^"\n]{1,64})"/m.exec(descriptor)?.[1]
  if (kind === 'monolithicSparse' || kind === 'streamOptimized') return kind
  throw new UnsupportedDisk(
    `The VMDK is of type ${JSON.stringify(kind ?? 'unknown')}, whose data lies in other files. ` +
      'Convert it first: qemu-img convert -O vmdk -o subformat=streamOptimized OLD NEW.',
  )
}

const requireOneExtent = (descriptor: string): void => {
  const extents = descriptor.split(/[\r\n]+/).filter(line => /^\s*(RW|RDONLY|NOACCESS)\s/i.test(line))
  const only = /^\s*(?:RW|RDONLY)\s+\d+\s+SPARSE\s+"([^"/\\:]*)"\s*$/i.exec(extents[0] ?? '')
  if (extents.length !== 1 || !only)
    throw new HostileDisk('The VMDK descriptor names other files or devices as extents, which are never followed.')
}

/** Every grain table and grain lies inside the file, in a place of its own. */
const inspectGrains = async (file: SparseBytes, header: VmdkHeader): Promise<number> => {
  const { virtualSizeBytes, grainBytes, grainsPerTable, directoryOffset } = header
  const tables = Math.ceil(virtualSizeBytes / (grainBytes * grainsPerTable))
  if (tables > maxGrainDirectoryEntries)
    throw new HostileDisk(`The VMDK claims ${tables} grain tables, which is absurd.`)
  const directory = await filePart(file, directoryOffset, tables * 4, 'grain directory of the VMDK')
  const places = new Places(file.sizeBytes, sectorBytes, 'grains or grain tables')
  let dataBytes = 0
  for (let index = 0; index < tables; index++) {
    const offset = directory.readUInt32LE(index * 4) * sectorBytes
    if (offset === 0) continue
    places.take(offset)
    const table = await filePart(file, offset, grainsPerTable * 4, 'grain table of the VMDK')
    const grains = Math.min(grainsPerTable, Math.ceil(virtualSizeBytes / grainBytes) - index * grainsPerTable)
    dataBytes += grainBytes * inspectTable(file, header, table.subarray(0, grains * 4), places)
  }
  return Math.min(dataBytes, virtualSizeBytes)
}

/** Entries 0 and 1 are holes; the rest are sectors. */
const inspectTable = (file: SparseBytes, header: VmdkHeader, table: Buffer, places: Places): number => {
  let grains = 0
  for (let at = 0; at < table.length; at += 4) {
    const entry = table.readUInt32LE(at)
    if (entry < 2) continue
    grains++
    places.take(entry * sectorBytes)
    // Of a compressed grain only its marker tells the length; the last plain grain of a disk may be cut.
    requireInside(file, entry * sectorBytes, header.isCompressed ? 12 : sectorBytes, 'grain of the VMDK')
  }
  return grains
}
