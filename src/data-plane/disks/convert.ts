import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { type Outcome, runConfined } from './confined-process.ts'
import { ToolMissing, UnsupportedDisk } from './hostile-disk.ts'
import type { DiskFormat } from './inspect.ts'
import { type RawFile, rawFileOf } from './raw-file.ts'

/** qemu-img could not turn the disk into a raw one. */
export class ConversionFailed extends Error {
  override readonly name = 'ConversionFailed'
  readonly reason: string
  constructor(reason: string) {
    super(`The disk could not be converted: ${reason}`)
    this.reason = reason
  }
}

/** The folder for temporary files can't take what the disk may hold. */
export class ScratchFull extends Error {
  override readonly name = 'ScratchFull'
  readonly folder: string
  readonly neededBytes: number
  readonly freeBytes: number
  constructor(folder: string, neededBytes: number, freeBytes: number) {
    super(
      `Converting the disk may need ${neededBytes} bytes in ${folder}, where ${freeBytes} are free. Use another folder.`,
    )
    this.folder = folder
    this.neededBytes = neededBytes
    this.freeBytes = freeBytes
  }
}

export interface ConvertOptions {
  /** Where the raw copy lies until it is closed; on Linux it has no name there, so that nothing is left behind even by a crash. */
  readonly scratchFolder: string
  readonly signal?: AbortSignal
}

const maxMemoryBytes = 2 * 2 ** 30
const slowestBytesPerSecond = 5 * 2 ** 20
const leastSeconds = 600

/**
 * A disk that `inspectDisk` accepted, as raw bytes, by `qemu-img convert` in a confined process: the format is given, nothing is probed;
 * the program gets the open files, no paths, and is told that there is no backing file. The file stays open; closing the result frees
 * the copy.
 */
export const convertToRaw = async (
  file: RawFile,
  format: DiskFormat,
  options: ConvertOptions,
): Promise<SparseBytes> => {
  await requireSpace(options.scratchFolder, format.dataBytes)
  const scratch = await openScratch(options.scratchFolder)
  try {
    const sizeBytes = Math.ceil(format.virtualSizeBytes / 512) * 512
    await scratch.handle.truncate(sizeBytes)
    const seconds = leastSeconds + Math.ceil(format.dataBytes / slowestBytesPerSecond)
    const outcome = await runConfined(command(format), {
      maxFileBytes: sizeBytes,
      maxCpuSeconds: seconds,
      maxMemoryBytes,
      timeoutMs: seconds * 1000,
      files: [file.fd, scratch.handle.fd],
      ...(options.signal && { signal: options.signal }),
    })
    requireSuccess(outcome, seconds)
    const raw = await rawFileOf(scratch.handle, 'the converted disk')
    if (raw.sizeBytes !== sizeBytes)
      throw new ConversionFailed(`it has ${raw.sizeBytes} bytes instead of ${sizeBytes}.`)
    return raw
  } catch (error) {
    await scratch.handle.close()
    throw error
  }
}

const command = ({ name }: DiskFormat): string[] => {
  const source = {
    driver: name,
    file: { driver: 'file', filename: '/proc/self/fd/3', locking: 'off' },
    ...(name !== 'vhdx' && { backing: null }), // its driver knows no backing files, and refuses the option
  }
  const target = { driver: 'raw', file: { driver: 'file', filename: '/proc/self/fd/4', locking: 'off' } }
  const json = (options: object) => `json:${JSON.stringify(options)}`
  // The target exists and is all zeros: holes need no writing. It is a scratch file: nothing needs to be flushed.
  return ['qemu-img', 'convert', '-n', '--target-is-zero', '-t', 'unsafe', '-O', 'raw', json(source), json(target)]
}

const requireSpace = async (folder: string, neededBytes: number): Promise<void> => {
  const { bavail, bsize } = await fs.statfs(folder)
  if (bavail * bsize < neededBytes) throw new ScratchFull(folder, neededBytes, bavail * bsize)
}

/** An empty file without a name. */
const openScratch = async (folder: string): Promise<{ handle: fs.FileHandle }> => {
  if (process.platform !== 'linux')
    throw new UnsupportedDisk(
      'Only raw and VHD disks are read on this system. Convert it first: qemu-img convert -O raw OLD NEW.',
    )
  const own = await fs.mkdtemp(path.join(folder, 'convert-'))
  try {
    return { handle: await fs.open(path.join(own, 'disk.raw'), 'wx+', 0o600) }
  } finally {
    await fs.rm(own, { recursive: true })
  }
}

const requireSuccess = (outcome: Outcome | undefined, seconds: number): void => {
  if (!outcome) throw new ToolMissing('qemu-img', 'install qemu-utils, or convert the disk to raw or VHD elsewhere')
  if (outcome.exitCode === 0) return
  if (/log that needs to be replayed/.test(outcome.output))
    throw new UnsupportedDisk(
      'The VHDX was not closed cleanly: its log holds changes. Detach it properly, or run qemu-img check -r all on a copy.',
    )
  const said = outcome.output.trim().split('\n').at(-1)?.slice(0, 500)
  throw new ConversionFailed(outcome.isTimeout ? `it took more than ${seconds} s.` : said || 'qemu-img was killed.')
}
