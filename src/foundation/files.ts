import * as fs from 'node:fs/promises'
import * as path from 'node:path'

/** An open file. Reads and writes are positioned; a short read means the end of the file. */
export interface OpenFile {
  /** For whoever knows a call that Node lacks; files that are not the system's have none. */
  readonly fd?: number
  read(target: Uint8Array, position: number): Promise<number>
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Bytes written so far survive a crash once this resolves. */
  sync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

/**
 * The file system as the data plane sees it: few calls, so that a simulation can lose, tear and refuse each of them.
 * `create` fails if the file exists; `rename` replaces; new, renamed and removed names survive a crash only after
 * `syncDirectory` of their folder.
 */
export interface Files {
  open(file: string, mode: 'read' | 'write' | 'create'): Promise<OpenFile>
  list(folder: string): Promise<string[]>
  exists(file: string): Promise<boolean>
  makeFolder(folder: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A second name for a file, which must not be taken yet. Not every file system can do that, and none across two of them. */
  link(file: string, name: string): Promise<void>
  /** How many names a file has. */
  names(file: string): Promise<number>
  /** Removes a file; a file that is not there is fine. */
  remove(file: string): Promise<void>
  syncDirectory(folder: string): Promise<void>
  /** What the disk under a folder can still take, and how large it is. */
  space(folder: string): Promise<Space>
}

export interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
}

const diskErrors = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'])

/** Work with an open file. What a disk refuses of one comes without a name; who reads of a full or failing disk wants to know which it is. */
export const namingFile = async <T>(file: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    const refused = error as NodeJS.ErrnoException
    if (!diskErrors.has(refused.code ?? '') || refused.path !== undefined) throw error
    throw Object.assign(new Error(`${refused.message} '${file}'`), refused, { path: file })
  }
}

const flags = { read: 'r', write: 'r+', create: 'wx+' } as const

export const nodeFiles: Files = {
  async open(file, mode) {
    const handle = await fs.open(file, flags[mode], 0o600)
    const readAll = async (target: Uint8Array, position: number) => {
      let done = 0
      while (done < target.length) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    }
    const writeAll = async (bytes: Uint8Array, position: number) => {
      let done = 0
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    }
    return {
      fd: handle.fd,
      read: (target, position) => namingFile(file, readAll(target, position)),
      write: (bytes, position) => namingFile(file, writeAll(bytes, position)),
      sync: () => namingFile(file, handle.datasync()),
      truncate: sizeBytes => namingFile(file, handle.truncate(sizeBytes)),
      sizeBytes: async () => (await handle.stat()).size,
      close: () => handle.close(),
    }
  },
  list: folder => fs.readdir(folder),
  exists: file =>
    fs.access(file).then(
      () => true,
      () => false,
    ),
  async makeFolder(folder) {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 })
  },
  rename: (from, to) => fs.rename(from, to),
  link: (file, name) => fs.link(file, name),
  names: async file => (await fs.stat(file)).nlink,
  remove: file => fs.rm(file, { force: true }),
  async syncDirectory(folder) {
    const handle = await fs.open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async space(folder) {
    const { bavail, blocks, bsize } = await fs.statfs(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  },
}

/** Writes a whole small file so that after a crash either the old or the new content is there, never a part. */
export const replaceFile = async (files: Files, file: string, bytes: Uint8Array): Promise<void> => {
  const draft = `${file}.new`
  await files.remove(draft)
  const open = await files.open(draft, 'create')
  try {
    await open.write(bytes, 0)
    await open.sync()
  } finally {
    await open.close()
  }
  await files.rename(draft, file)
  await files.syncDirectory(path.dirname(file))
}

/** The whole content of a file that is known to be small. */
export const readWhole = async (files: Files, file: string): Promise<Buffer> => {
  const open = await files.open(file, 'read')
  try {
    const bytes = Buffer.alloc(await open.sizeBytes())
    const count = await open.read(bytes, 0)
    return bytes.subarray(0, count)
  } finally {
    await open.close()
  }
}
