import * as fs from 'node:fs'
import * as path from 'node:path'

/** Another process of ours owns the folder. */
export class FolderLocked extends Error {
  override readonly name = 'FolderLocked'
  readonly folder: string
  readonly pid: number
  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}. Stop it first, or choose another folder with --data.`)
    this.folder = folder
    this.pid = pid
  }
}

const startTime = (pid: number): string => {
  try {
    // Field 22 of /proc/PID/stat tells a process from a later one with the same number; elsewhere the number has to do.
    return fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const isAlive = (pid: number, started: string): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startTime(pid) === started
}

/** Takes the folder for this process until the returned function is called; a dead owner's lock is taken over. */
export const lockFolder = (folder: string): (() => void) => {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, 'lock')
  const mine = `${process.pid} ${startTime(process.pid)}`
  const own = `${file}.${process.pid}`
  fs.writeFileSync(own, mine, { mode: 0o600 })
  try {
    for (;;) {
      try {
        fs.linkSync(own, file) // unlike an exclusive create, a lock made by link is never seen half-written
        return () => fs.rmSync(file, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        const [pid = 0, started = ''] = fs.readFileSync(file, 'latin1').split(' ') as [string?, string?]
        if (isAlive(Number(pid), started)) throw new FolderLocked(folder, Number(pid))
        fs.rmSync(file, { force: true })
      }
    }
  } finally {
    fs.rmSync(own, { force: true })
  }
}
