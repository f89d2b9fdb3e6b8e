import * as fs from 'node:fs/promises'
import type { Clock } from '#foundation/clock.ts'
import { readEnd } from './read-end.ts'
import { supervisorName } from './supervise.ts'

/** A process that was seen to be what it should be; its number alone may be another's by now. */
export interface FoundProcess {
  readonly pid: number
}

/** Told to QEMU, and looked for in the command line of whoever has its process number. */
export const nameOf = (machineId: string): string => `guest=${machineId}`

const argumentsOf = async (pid: number | string): Promise<string[]> => {
  try {
    return (await fs.readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0') // empty for one that has ended and waits for its parent
  } catch {
    return []
  }
}

const isSupervisor = (args: readonly string[]): boolean => args.includes(supervisorName)

const isMachine = (args: readonly string[], machineId: string): boolean => {
  const at = args.indexOf('-name')
  return at >= 0 && (args[at + 1] ?? '').split(',')[0] === nameOf(machineId)
}

/**
 * The QEMU process of a machine. The note of its number is believed only if the process of that number was started for this machine.
 */
export const findProcess = async (machineId: string, runFolder: string): Promise<FoundProcess | undefined> => {
  const noted = Number((await readEnd(`${runFolder}/pid`, 32)).toString().trim())
  const isIt = Number.isSafeInteger(noted) && noted > 1 && isMachine(await argumentsOf(noted), machineId)
  return isIt ? { pid: noted } : undefined
}

/**
 * The same without trusting the note, which comes late: looks at all processes, and waits for one whose supervisor is there already.
 */
export const searchProcess = async (machineId: string, clock: Clock): Promise<FoundProcess | undefined> => {
  for (let round = 0; round < 40; round++) {
    let isStarting = false
    for (const entry of await fs.readdir('/proc')) {
      const args = /^\d+$/.test(entry) ? await argumentsOf(entry) : []
      if (!isMachine(args, machineId)) continue
      if (!isSupervisor(args)) return { pid: Number(entry) }
      isStarting = true
    }
    if (!isStarting) return undefined
    await clock.sleep(pollMs)
  }
  return undefined
}

const pollMs = 50

/** Whether no process of the machine is left before `limitMs` have passed. */
export const isGone = async (
  machineId: string,
  { pid }: FoundProcess,
  parts: { readonly clock: Clock; readonly limitMs: number; readonly signal?: AbortSignal },
): Promise<boolean> => {
  const untilMs = parts.clock.now().getTime() + parts.limitMs
  for (;;) {
    if (!isMachine(await argumentsOf(pid), machineId)) return true
    if (parts.signal?.aborted || parts.clock.now().getTime() >= untilMs) return false
    await parts.clock.sleep(pollMs, parts.signal)
  }
}

/** Sends a signal if the process is still the machine's. */
export const signalProcess = async (
  machineId: string,
  { pid }: FoundProcess,
  signal: NodeJS.Signals,
): Promise<void> => {
  if (!isMachine(await argumentsOf(pid), machineId)) return
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** How a process ended, in the words of a shell: a number from 128 up is a signal. */
export const endOf = (exit: string, saidLast: string): { readonly isOrderly: boolean; readonly reason: string } => {
  const code = /^\d{1,3}\s*$/.test(exit) ? Number(exit) : undefined
  const said = saidLast.trim().split('\n').at(-1)?.slice(-500) ?? ''
  if (code === undefined)
    return { isOrderly: false, reason: 'Its process is gone, and nothing was left to see how it ended.' }
  const killer = /terminating on signal (\d+)( from pid \d+( \([^)]*\))?)?/.exec(said)
  if (killer) return { isOrderly: false, reason: `QEMU was ended from outside: ${killer[0]}.` }
  if (code === 0) return { isOrderly: true, reason: '' }
  if (code > 128) return { isOrderly: false, reason: `QEMU was ended by signal ${code - 128}.` }
  return { isOrderly: false, reason: `QEMU ended with ${code}${said ? `: ${said}` : '.'}` }
}
