import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { Worker } from 'node:worker_threads'
import { secondsOf } from '../measure.ts'
import { settled, timeCommand } from './run-command.ts'

// What bounds any store on this machine: nobody publishes faster than zstd compresses, restores faster than a copy is made, or
// verifies faster than it can hash.

export const zstdSeconds = (image: string, folder: string): Promise<number> =>
  written(folder, file => timeCommand(['zstd', '-q', '-1', `-T${os.availableParallelism()}`, image, '-o', file]))

export const copySeconds = (image: string, folder: string): Promise<number> =>
  written(folder, file => timeCommand(['cp', '--sparse=always', '--reflink=never', image, file]))

const written = async (folder: string, work: (file: string) => Promise<number>): Promise<number> => {
  const file = path.join(folder, 'limit')
  const seconds = await settled(() => work(file))
  await fs.rm(file)
  return seconds
}

/** SHA-256 of so many bytes of the file, read from memory, on all cores at once. */
export const sha256Seconds = (file: string, sizeBytes: number): Promise<number> => {
  const cores = os.availableParallelism()
  const workerData = { file, sizeBytes: Math.ceil(sizeBytes / cores) }
  const thread = () => new Worker(path.join(import.meta.dirname, 'sha256-thread.ts'), { workerData })
  return settled(async () => {
    const threads = Array.from({ length: cores }, thread)
    await Promise.all(threads.map(each => once(each, 'online')))
    return await secondsOf(() => Promise.all(threads.map(each => once(each, 'exit'))))
  })
}
