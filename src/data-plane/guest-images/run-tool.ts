import { type SpawnOptions, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { ToolMissing } from '#data-plane/disks/hostile-disk.ts'

/** A program that an image is made with ended badly. */
export class ToolFailed extends Error {
  override readonly name = 'ToolFailed'
}

export interface ToolWish {
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Told what the program complains of or reports on its error output, while it runs. */
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** The Debian package of each program that an image is made with. */
const packageOf: Readonly<Record<string, string>> = {
  'apt-cache': 'apt',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  'mkfs.fat': 'dosfstools',
  mcopy: 'mtools',
  mmd: 'mtools',
  syslinux: 'syslinux',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  mmdebstrap: 'mmdebstrap',
  tar: 'tar',
  unshare: 'util-linux',
  newuidmap: 'uidmap',
}

const mostOutputBytes = 64 * 2 ** 20

/** The system's own programs are not on every user's path. */
const searchPath = (): string => `${process.env.PATH}:/usr/sbin:/sbin`

/** Throws one `ToolMissing` for all that is not installed, before the first is needed. */
export const requireTools = async (programs: readonly string[]): Promise<void> => {
  const missing: string[] = []
  for (const program of programs) if (!(await isInstalled(program))) missing.push(program)
  if (missing.length > 0) throw new ToolMissing(missing.join(', '), installing(missing))
}

const isInstalled = async (program: string): Promise<boolean> => {
  for (const folder of searchPath().split(':'))
    if (
      await fs.access(path.join(folder, program), fs.constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}

/** Runs a program and gives what it wrote. Throws `ToolMissing` with the package to install, or `ToolFailed` with its last words. */
export const runTool = (program: string, args: readonly string[], wish: ToolWish = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const options: SpawnOptions = {
      ...(wish.folder && { cwd: wish.folder }),
      ...(wish.signal && { signal: wish.signal }),
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', ...wish.env, PATH: searchPath() },
      stdio: ['pipe', 'pipe', 'pipe'],
    }
    const child = spawn(program, args, options)
    const said: Buffer[] = []
    const complained: Buffer[] = []
    let bytes = 0
    const keep = (list: Buffer[]) => (part: Buffer) => {
      bytes += part.length
      if (bytes <= mostOutputBytes) list.push(part)
    }
    child.stdout?.on('data', keep(said))
    child.stderr?.on('data', keep(complained))
    if (wish.onLine && child.stderr) createInterface(child.stderr).on('line', wish.onLine)
    child.stdin?.on('error', () => {}) // it need not read what it is told
    child.stdin?.end(wish.input ?? '')
    child.once('error', error => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      reject(isMissing ? new ToolMissing(program, installing([program])) : error)
    })
    child.once('close', code => {
      if (code === 0) return resolve(Buffer.concat(said).toString())
      const words = Buffer.concat([...complained, ...said])
        .toString()
        .trim()
        .split('\n')
        .slice(-5)
        .join('\n')
      reject(new ToolFailed(`${program} failed (${code ?? 'killed'}): ${words}`))
    })
  })

const installing = (programs: readonly string[]): string =>
  `sudo apt-get install ${[...new Set(programs.map(program => packageOf[program] ?? program))].join(' ')}`
