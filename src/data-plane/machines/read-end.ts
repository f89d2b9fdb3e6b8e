import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'

/**
 * The end of a file that an unprivileged process made, which may have put anything there: only a regular file is read, links are not
 * followed, and no more than `maxBytes` come. Empty if there is none.
 */
export const readEnd = async (file: string, maxBytes: number): Promise<Buffer> => {
  let handle: fs.FileHandle
  try {
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return Buffer.alloc(0)
  }
  try {
    const status = await handle.stat()
    if (!status.isFile()) return Buffer.alloc(0)
    const target = Buffer.alloc(Math.min(maxBytes, status.size))
    const { bytesRead } = await handle.read(target, 0, target.length, status.size - target.length)
    return target.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** What a log of the supervisor has: the last whole part and the one that is being written. */
export const readLog = async (runFolder: string, name: string, maxBytes: number): Promise<Buffer> => {
  const now = await readEnd(`${runFolder}/${name}.new`, maxBytes)
  const before = await readEnd(`${runFolder}/${name}.old`, maxBytes - now.length)
  return Buffer.concat([before, now])
}
