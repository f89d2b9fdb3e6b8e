import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { dataRuns, type Watch } from './data-runs.ts'
import { fileExtents } from './file-holes.ts'
import { UnsupportedDisk } from './hostile-disk.ts'

/** An open local file; another program may be given the descriptor, and then reads this very file. */
export interface RawFile extends SparseBytes {
  readonly fd: number
}

/** The bytes of a local file. The holes of a really sparse one are found without reading them. */
export const openRawFile = async (file: string): Promise<RawFile> => rawFileOf(await fs.open(file, 'r'), file)

/** The bytes of a file that is open already; closing them closes it. */
export const rawFileOf = async (handle: fs.FileHandle, file: string): Promise<RawFile> => {
  const status = await handle.stat()
  if (!status.isFile()) {
    await handle.close()
    throw new UnsupportedDisk(`${file} is not a regular file. Copy the device or folder into an image file first.`)
  }
  const sizeBytes = status.size
  // Blocks are only a hint: compressing file systems allocate little for much data. It costs a needless look, never data.
  const isSparse = status.blocks * 512 < sizeBytes
  return {
    sizeBytes,
    fd: handle.fd,
    async *extents() {
      if (sizeBytes === 0) return
      if (isSparse) yield* await fileExtents(handle.fd, sizeBytes)
      else yield { offset: 0, length: sizeBytes }
    },
    async read(offset, target) {
      requireRange(offset, target.length, sizeBytes)
      await readFully(handle, offset, target)
    },
    close: () => handle.close(),
  }
}

const readFully = async (handle: fs.FileHandle, offset: number, target: Uint8Array): Promise<void> => {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, target.length - done, offset + done)
    if (bytesRead === 0)
      throw new RangeError(`The file ended at byte ${offset + done}: somebody truncated it meanwhile.`)
    done += bytesRead
  }
}

/**
 * Writes the bytes as a sparse file: holes and zero pages take no space. The file has its name only once it is whole and safe on
 * disk; until then, or after a failure, what was there before stays.
 */
export const writeRawFile = (bytes: SparseBytes, file: string, watch: Watch = {}): Promise<void> =>
  writeWhole(file, async handle => {
    await handle.truncate(bytes.sizeBytes)
    for await (const run of dataRuns(bytes, watch)) await writeFully(handle, run.offset, run.data)
  })

/** Lets `fill` write a draft beside `file`, then gives it the name in one step. */
export const writeWhole = async (file: string, fill: (draft: fs.FileHandle) => Promise<void>): Promise<void> => {
  const draft = `${file}.partial`
  await fs.rm(draft, { force: true }) // what a killed run left behind
  const handle = await fs.open(draft, 'wx+')
  try {
    await fill(handle)
    await handle.sync()
    const [ours, named] = await Promise.all([handle.stat(), fs.stat(draft)])
    if (ours.ino !== named.ino) throw new Error(`Another run is writing ${file} at the same time.`)
    await fs.rename(draft, file)
  } catch (error) {
    await fs.rm(draft, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  await syncFolder(path.dirname(file))
}

export const writeFully = async (handle: fs.FileHandle, offset: number, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
}

const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return // a folder can't be opened there, and a rename is journalled
  const handle = await fs.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
