import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { parseDynamicVhd } from './dynamic-vhd.ts'
import { filePart } from './file-part.ts'
import { parseVhdFooter, requireFixedVhdSize, vhdFooterBytes, vhdFooterOf } from './fixed-vhd.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { inspectQcow2 } from './inspect-qcow2.ts'
import { inspectVhdx, vhdxMagic } from './inspect-vhdx.ts'
import { inspectVmdk, vmdkMagic, vmdkOldMagic, vmdkTextStart } from './inspect-vmdk.ts'
import { qcow2Magic } from './qcow2-header.ts'

export const diskFormatNames = ['raw', 'vhd', 'vhdx', 'qcow2', 'vmdk'] as const
export type DiskFormatName = (typeof diskFormatNames)[number]

/** What a disk file is, after it was judged harmless. */
export interface DiskFormat {
  readonly name: DiskFormatName
  /** The format within its family: `fixed`, `dynamic`, `v2`, `v3`, `streamOptimized`, `monolithicSparse`. */
  readonly kind?: 'fixed' | 'dynamic' | 'v2' | 'v3' | 'streamOptimized' | 'monolithicSparse'
  readonly virtualSizeBytes: number
  /** No more than this of the disk can be other than zero. */
  readonly dataBytes: number
}

export interface InspectOptions {
  /** Judge the file as this format, whatever else it looks like. */
  readonly format?: DiskFormatName
  /** Refuse larger disks. By default 32 TiB, a little more than Azure's largest disk; never above 64 TiB. */
  readonly maxVirtualSizeBytes?: number
  readonly signal?: AbortSignal
}

const tib = 2 ** 40

/**
 * Decides from the bytes alone what a disk file is, and refuses (`HostileDisk`, `UnsupportedDisk`) what reaches other files, is cut
 * short or absurd. What looks like two formats is refused unless one is named: a guest may write a foreign header into its own disk.
 */
export const inspectDisk = async (file: SparseBytes, options: InspectOptions = {}): Promise<DiskFormat> => {
  const found = await looksLike(file)
  const name = options.format ?? (await chooseFormat(file, found))
  if (name !== 'raw' && !found.includes(name))
    throw new UnsupportedDisk(`The file is not in format ${name}: it looks like ${found.join(' and ') || 'raw'}.`)
  const format: DiskFormat = { name, ...(await judge[name](file, options.signal)) }
  const cap = Math.min(options.maxVirtualSizeBytes ?? 32 * tib, 64 * tib)
  if (format.virtualSizeBytes > cap)
    throw new HostileDisk(`The disk claims ${format.virtualSizeBytes} bytes; at most ${cap} are accepted.`)
  if (format.virtualSizeBytes === 0) throw new UnsupportedDisk('The disk is empty: it has a size of 0 bytes.')
  return format
}

const chooseFormat = async (file: SparseBytes, found: readonly DiskFormatName[]): Promise<DiskFormatName> => {
  if (found.length > 1)
    throw new UnsupportedDisk(
      `The file looks like ${found.join(' and like ')} at once: a guest may have written one of them into its disk. ` +
        'Say which one it really is with --format.',
    )
  if (found.length === 0) await refuseForeign(file)
  return found[0] ?? 'raw'
}

/** Well-known files that would be published as a raw disk of gibberish, by the bytes at an offset. */
const foreign: readonly {
  readonly at: number
  readonly mark: string
  readonly what: string
  readonly advice: string
}[] = [
  { at: 0, mark: '\x1f\x8b', what: 'a gzip archive', advice: 'Unpack it first: gunzip FILE' },
  { at: 0, mark: '\xfd7zXZ\0', what: 'an xz archive', advice: 'Unpack it first: unxz FILE' },
  { at: 0, mark: '\x28\xb5\x2f\xfd', what: 'a zstd archive', advice: 'Unpack it first: unzstd FILE' },
  { at: 0, mark: 'BZh', what: 'a bzip2 archive', advice: 'Unpack it first: bunzip2 FILE' },
  { at: 0, mark: 'PK\x03\x04', what: 'a zip archive', advice: 'Unpack it first: unzip FILE' },
  { at: 257, mark: 'ustar', what: 'a tar archive (an OVA, perhaps)', advice: 'Unpack it first: tar -xf FILE' },
  {
    at: 64,
    mark: '\x7f\x10\xda\xbe',
    what: 'a VirtualBox disk',
    advice: 'Convert it first: qemu-img convert -O qcow2 OLD NEW',
  },
  { at: 0, mark: 'QED\0', what: 'a QED disk', advice: 'Convert it first: qemu-img convert -O qcow2 OLD NEW' },
  {
    at: 0,
    mark: 'WithoutFreeSpace',
    what: 'a Parallels disk',
    advice: 'Convert it first: qemu-img convert -O qcow2 OLD NEW',
  },
  {
    at: 0,
    mark: 'WithouFreSpacExt',
    what: 'a Parallels disk',
    advice: 'Convert it first: qemu-img convert -O qcow2 OLD NEW',
  },
]

const refuseForeign = async (file: SparseBytes): Promise<void> => {
  const start = (await filePart(file, 0, Math.min(file.sizeBytes, 512), 'start of the file')).toString('latin1')
  const known = foreign.find(({ at, mark }) => start.startsWith(mark, at))
  if (known)
    throw new UnsupportedDisk(
      `The file is ${known.what}. ${known.advice}. If it really is a raw disk, say so with --format raw.`,
    )
}

/** Every format whose mark the file bears. No mark at all means raw. */
const looksLike = async (file: SparseBytes): Promise<DiskFormatName[]> => {
  const start = (await filePart(file, 0, Math.min(file.sizeBytes, 512), 'start of the file')).toString('latin1')
  const end = await filePart(file, Math.max(0, file.sizeBytes - 512), Math.min(file.sizeBytes, 512), 'end of the file')
  const marks: Partial<Record<DiskFormatName, boolean>> = {
    qcow2: start.startsWith(qcow2Magic),
    vhdx: start.startsWith(vhdxMagic),
    vmdk: [vmdkMagic, vmdkOldMagic].some(magic => start.startsWith(magic)) || isVmdkText(start),
    vhd: start.startsWith('conectix') || end.toString('latin1').startsWith('conectix'),
  }
  return diskFormatNames.filter(name => marks[name])
}

/** QEMU skips comments and empty lines before the mark of a text descriptor, so it may come late. */
const isVmdkText = (start: string): boolean =>
  start.split('\n').some(line => line.trimStart().startsWith(vmdkTextStart))

type Judgement = Omit<DiskFormat, 'name'>

const judge: Record<DiskFormatName, (file: SparseBytes, signal?: AbortSignal) => Promise<Judgement>> = {
  raw: async file => ({ virtualSizeBytes: file.sizeBytes, dataBytes: file.sizeBytes }),
  vhd: file => judgeVhd(file),
  vhdx: file => inspectVhdx(file),
  async qcow2(file, signal) {
    const { header, dataBytes } = await inspectQcow2(file, signal)
    return { kind: header.version === 2 ? 'v2' : 'v3', virtualSizeBytes: header.virtualSizeBytes, dataBytes }
  },
  async vmdk(file) {
    const start = (await filePart(file, 0, Math.min(file.sizeBytes, 512), 'VMDK header')).toString('latin1')
    if (start.startsWith(vmdkMagic)) return inspectVmdk(file)
    if (start.startsWith(vmdkOldMagic))
      throw new UnsupportedDisk(
        'This is an extent of a disk on an ESX host. Export the whole disk first, as OVF for example.',
      )
    throw new HostileDisk(
      'This VMDK is only a text that names other files, which are never followed. ' +
        'Convert the whole disk first: qemu-img convert -O vmdk -o subformat=streamOptimized OLD NEW.',
    )
  },
}

const judgeVhd = async (file: SparseBytes): Promise<Judgement> => {
  const footer = await vhdFooterOf(file)
  if (footer?.kind === 'fixed') {
    requireFixedVhdSize(file, footer)
    return { kind: 'fixed', virtualSizeBytes: footer.imageSizeBytes, dataBytes: footer.imageSizeBytes }
  }
  if (!footer) parseVhdFooter(await filePart(file, 0, vhdFooterBytes, 'VHD footer')) // says more if even the copy is damaged
  const vhd = await parseDynamicVhd(file)
  return { kind: 'dynamic', virtualSizeBytes: vhd.imageSizeBytes, dataBytes: vhd.dataBytes }
}
