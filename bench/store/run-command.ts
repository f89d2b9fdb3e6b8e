import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where programs are looked for: first among those that install-peers.sh built. */
export const searchPath = [path.join(import.meta.dirname, '../../.cache/bench/bin'), process.env.PATH ?? ''].join(
  path.delimiter,
)

export interface Place {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command to its end and gives what it printed. Throws with the end of its complaints. */
export const runCommand = async (argv: readonly string[], place: Place = {}): Promise<string> => {
  const [command = '', ...args] = argv
  const env = { ...process.env, PATH: searchPath, LC_ALL: 'C', ...place.env }
  const { stdout } = await run(command, args, { ...place, env, maxBuffer: 2 ** 26 })
  return stdout
}

/** Seconds from the command's start to its end. */
export const timeCommand = async (argv: readonly string[], place: Place = {}): Promise<number> => {
  const started = performance.now()
  await runCommand(argv, place)
  return (performance.now() - started) / 1000
}

/** Runs one step on a disk that has nothing left to write. */
export const settled = async <T>(step: () => Promise<T>): Promise<T> => {
  await runCommand(['sync'])
  return await step()
}

/**
 * Fills what is free of the memory with a cache of nothing, given up at once when somebody needs it. A virtual machine whose host takes back
 * what is free waits seconds for each gibibyte that is used again: whoever comes next would pay for that.
 */
export const fillMemory = async (folder: string): Promise<void> => {
  const holes = path.join(folder, 'holes')
  const { size } = await fs.stat(holes).catch(() => ({ size: 0 }))
  const file = await fs.open(holes, 'a')
  await file.truncate(Math.min(os.totalmem(), size + os.freemem()))
  await file.close()
  await runCommand(['dd', `if=${holes}`, 'of=/dev/null', 'bs=1M', 'status=none'])
}

/** Reads all files of a folder into the system's cache. */
export const cacheFolder = async (folder: string): Promise<void> => {
  await runCommand(['sh', '-c', 'find "$1" -type f -exec cat {} + > /dev/null', 'sh', folder])
}

/** Where several people measure on one machine, OPENGALLERY_BENCH_LOCK names a file that flock(1) locks while the work is done. */
export const whileQuiet = async <T>(work: () => Promise<T>): Promise<T> => {
  const file = process.env.OPENGALLERY_BENCH_LOCK
  if (file === undefined) return await work()
  const lock = spawn('flock', [file, 'sh', '-c', 'echo locked; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(lock, 'exit')
  try {
    await once(lock.stdout, 'data')
    return await work()
  } finally {
    lock.stdin.end()
    await ended
  }
}

/** One step for itself. */
export const quietly = <T>(step: () => Promise<T>): Promise<T> => whileQuiet(() => settled(step))

/** Whether the program can be called. */
export const isInstalled = async (program: string, folders: string): Promise<boolean> => {
  for (const folder of folders.split(path.delimiter)) {
    const found = await fs.access(path.join(folder, program), fs.constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}

/** What all files below a folder hold, holes not counted as less. */
export const bytesIn = async (folder: string): Promise<number> => {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true })
  let sum = 0
  for (const entry of entries) if (entry.isFile()) sum += (await fs.stat(path.join(entry.parentPath, entry.name))).size
  return sum
}
