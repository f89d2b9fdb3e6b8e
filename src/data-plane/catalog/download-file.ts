import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { writeFully } from '#data-plane/disks/raw-file.ts'
import type { Clock } from '#foundation/clock.ts'
import { DownloadFailed, type DownloadOptions, startDownload } from './https-download.ts'

export interface FileWish extends DownloadOptions {
  readonly clock: Clock
  readonly maxBytes: number
  onProgress?(doneBytes: number, totalBytes: number | undefined): void
}

const maxAttempts = 5
const firstDelayMs = 1000
const reserveBytes = 256 * 2 ** 20

/**
 * Brings a file here, whole: what a former run left in `file` is gone on with, and so is what breaks off. Nothing is said of its
 * content: the caller knows what it has to be. Resolves to when its server says that it was last changed.
 */
export const downloadFile = async (url: string, file: string, wish: FileWish): Promise<Date | undefined> => {
  for (let attempt = 1; ; attempt++) {
    wish.signal?.throwIfAborted()
    try {
      return await downloadOnce(url, file, wish)
    } catch (error) {
      if (!(error instanceof DownloadFailed && error.transient) || attempt === maxAttempts) throw error
      await wish.clock.sleep(firstDelayMs * 2 ** (attempt - 1), wish.signal ?? undefined)
    }
  }
}

const downloadOnce = async (url: string, file: string, wish: FileWish): Promise<Date | undefined> => {
  const handle = await fs.open(file, 'a+', 0o600).then(async handle => {
    await handle.close()
    return fs.open(file, 'r+')
  })
  try {
    const { size } = await handle.stat()
    const download = await startDownload(url, size, wish)
    try {
      await requireRoom(download, file, wish)
      await handle.truncate(download.offset) // a server that begins anew gives another file, perhaps a shorter one
      let done = download.offset
      for await (const part of download.body) {
        if (done + part.length > wish.maxBytes) throw tooLarge(download.url, wish)
        await writeFully(handle, done, part)
        done += part.length
        wish.onProgress?.(done, download.totalBytes)
      }
      if (download.totalBytes !== undefined && done !== download.totalBytes)
        throw new DownloadFailed(download.url, `${done} of ${download.totalBytes} bytes arrived`, { transient: true })
      await handle.sync()
      return download.lastModified
    } finally {
      download.close()
    }
  } finally {
    await handle.close()
  }
}

const tooLarge = (url: URL, { maxBytes }: FileWish) =>
  new DownloadFailed(url, `it is larger than ${maxBytes} bytes, the most that is fetched`)

const requireRoom = async (
  { url, totalBytes, offset }: { url: URL; totalBytes: number | undefined; offset: number },
  file: string,
  wish: FileWish,
): Promise<void> => {
  if (totalBytes === undefined) return
  if (totalBytes > wish.maxBytes) throw tooLarge(url, wish)
  const { bavail, bsize } = await fs.statfs(path.dirname(file))
  const neededBytes = totalBytes - offset + reserveBytes
  if (bavail * bsize < neededBytes)
    throw new DownloadFailed(
      url,
      `it needs ${neededBytes} bytes on the disk of ${path.dirname(file)}, which has ${bavail * bsize}`,
    )
}
