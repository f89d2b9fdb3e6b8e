import { spawn } from 'node:child_process'

/** What a program that reads a stranger's bytes may use. */
export interface Confinement {
  readonly maxFileBytes: number
  readonly maxCpuSeconds: number
  readonly maxMemoryBytes: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Open files that the program finds as /proc/self/fd/3 and up. */
  readonly files: readonly number[]
}

export interface Outcome {
  /** Undefined if the program was killed. */
  readonly exitCode: number | undefined
  readonly output: string
  readonly isTimeout: boolean
}

const maxOutputBytes = 16_384
const longestTimerMs = 2 ** 31 - 1

/**
 * Runs a program without network and under limits, as far as this machine has the means: `unshare` with an own network namespace
 * (in one of users too, unless we are root), `prlimit`. Resolves to undefined if the program is not installed. Killed on abort.
 */
export const runConfined = async (
  command: readonly string[],
  confinement: Confinement,
): Promise<Outcome | undefined> => {
  const { files, signal } = confinement
  const probe = (...args: string[]) => run(args, files, 10_000, signal)
  if (!(await probe(command[0] ?? '', '--version'))) return undefined
  const prefix = [...(await networkless(probe, files)), ...(await limits(probe, confinement))]
  return run([...prefix, ...command], files, confinement.timeoutMs, signal)
}

type Probe = (...command: string[]) => Promise<Outcome | undefined>

/** In a namespace of users even root may lose the right to open the files again: each way is tried on them. */
const networkless = async (probe: Probe, files: readonly number[]): Promise<string[]> => {
  const readable = ['yes', ...files.flatMap((_, index) => ['-a', '-r', `/proc/self/fd/${index + 3}`])]
  for (const flags of process.getuid?.() === 0 ? ['-n', '-Urn'] : ['-Urn']) {
    const outcome = await probe('unshare', flags, 'test', ...readable)
    if (outcome?.exitCode === 0) return ['unshare', flags]
  }
  return []
}

const limits = async (probe: Probe, confinement: Confinement): Promise<string[]> => {
  const { maxFileBytes, maxCpuSeconds, maxMemoryBytes } = confinement
  const command = [
    'prlimit',
    `--fsize=${maxFileBytes}`,
    `--cpu=${maxCpuSeconds}`,
    `--as=${maxMemoryBytes}`,
    '--core=0',
    '--nofile=64',
  ]
  return (await probe(...command, 'true'))?.exitCode === 0 ? command : []
}

/** One run; undefined if the program does not exist. Throws the signal's reason. */
const run = (
  [program = '', ...args]: readonly string[],
  files: readonly number[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outcome | undefined> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const timeout = AbortSignal.timeout(Math.min(timeoutMs, longestTimerMs))
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...files],
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      killSignal: 'SIGKILL',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(0, maxOutputBytes)
      })
    child.on('error', error => {
      if (child.pid !== undefined) return // aborted: the end follows
      // EACCES: a folder of the search path is closed to us, and the program is in none of the others.
      if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) resolve(undefined)
      else reject(error)
    })
    child.on('close', code => {
      if (signal?.aborted) reject(signal.reason)
      else resolve({ exitCode: code ?? undefined, output, isTimeout: timeout.aborted })
    })
  })
