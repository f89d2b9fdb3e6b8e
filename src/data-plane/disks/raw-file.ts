import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { loadNative } from '#data-plane/native/load-native.ts'
import { namingFile } from '#foundation/files.ts'
import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { dataRuns, type WriteWish } from './data-runs.ts'
import { fileExtents } from './file-holes.ts'
import { UnsupportedDisk } from './hostile-disk.ts'

/** An open local file; another program may be given the descriptor, and then reads this very file. */
export interface RawFile extends SparseBytes {
  readonly fd: number
}

/** The bytes of a local file. The holes of a really sparse one are found without reading them. */
export const openRawFile = async (file: string): Promise<RawFile> => rawFileOf(await fs.open(file, 'r'), file)

/** To read so much from memory takes hardly longer than to ask another thread for it. */
const bytesAtOnce = 512 * 1024
/** After so much a read waits its turn: others want this thread too. */
const bytesInATurn = 2 * 1024 * 1024

/** The bytes of a file that is open already; closing them closes it. */
export const rawFileOf = async (handle: fs.FileHandle, file: string, native = loadNative()): Promise<RawFile> => {
  const status = await handle.stat()
  if (!status.isFile()) {
    await handle.close()
    throw new UnsupportedDisk(`${file} is not a regular file. Copy the device or folder into an image file first.`)
  }
  const sizeBytes = status.size
  // Blocks are only a hint: compressing file systems allocate little for much data. It costs a needless look, never data.
  const isSparse = status.blocks * 512 < sizeBytes
  let leftBytes = bytesInATurn
  const isReadNow = (offset: number, target: Uint8Array): boolean => {
    if (typeof native === 'string' || target.length > bytesAtOnce) return false
    leftBytes -= target.length
    if (leftBytes >= 0) return native.readCached(handle.fd, target, offset) === target.length
    leftBytes = bytesInATurn
    return false
  }
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
      if (!isReadNow(offset, target)) await namingFile(file, readFully(handle, offset, target))
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
export const writeRawFile = (bytes: SparseBytes, file: string, wish: WriteWish = {}): Promise<void> =>
  writeWhole(file, wish, async handle => {
    await handle.truncate(bytes.sizeBytes)
    if (bytes.writeTo) await writeAtOnce(handle, bytes, wish)
    else for await (const run of dataRuns(bytes, wish)) await writeFully(handle, run.offset, run.data)
  })

/** So much is on its way to the disk at least before it is told to keep it: waiting for all of it at the end takes longer. */
const bytesPerSync = 64 * 2 ** 20

const writeAtOnce = async (
  handle: fs.FileHandle,
  bytes: SparseBytes,
  { onProgress, signal, flushes = true }: WriteWish,
): Promise<void> => {
  let [doneBytes, syncedBytes] = [0, 0]
  let isSyncing = false
  const syncs: Promise<void>[] = []
  const startSync = () => {
    isSyncing = true
    syncedBytes = doneBytes
    const sync = handle.datasync().finally(() => {
      isSyncing = false
    })
    sync.catch(() => {}) // the system tells of a failed write only once: it is awaited below
    syncs.push(sync)
  }
  const onWritten = (sizeBytes: number) => {
    doneBytes += sizeBytes
    onProgress?.(Math.min(doneBytes, bytes.sizeBytes), bytes.sizeBytes)
    if (flushes && !isSyncing && doneBytes - syncedBytes >= bytesPerSync) startSync()
  }
  const write = (part: Uint8Array, offset: number) => writeFully(handle, offset, part)
  try {
    await bytes.writeTo?.({ fd: handle.fd, write, onWritten }, signal)
  } finally {
    await Promise.allSettled(syncs)
  }
  await Promise.all(syncs)
  onProgress?.(bytes.sizeBytes, bytes.sizeBytes)
}

/** Lets `fill` write a draft beside `file`, then gives it the name in one step. */
export const writeWhole = async (
  file: string,
  { flushes = true }: WriteWish,
  fill: (draft: fs.FileHandle) => Promise<void>,
): Promise<void> => {
  const draft = `${file}.partial`
  await fs.rm(draft, { force: true }) // what a killed run left behind
  const handle = await fs.open(draft, 'wx+')
  try {
    await namingFile(file, fill(handle))
    if (flushes) await namingFile(file, handle.sync())
    const [ours, named] = await Promise.all([handle.stat(), fs.stat(draft)])
    if (ours.ino !== named.ino) throw new Error(`Another run is writing ${file} at the same time.`)
    await fs.rename(draft, file)
  } catch (error) {
    await fs.rm(draft, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  if (flushes) await syncFolder(path.dirname(file))
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
