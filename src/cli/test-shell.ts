import { systemClock } from '#foundation/clock.ts'
import { run } from './main.ts'
import type { Shell } from './shell.ts'
import { terminalOf } from './terminal.ts'

export interface Told {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command line in this process, and tells what it said. */
export const runCommand = async (args: readonly string[], env: Record<string, string> = {}): Promise<Told> => {
  const said = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text
    },
  })
  const shell: Shell = {
    terminal: terminalOf({ stdout: stream('stdout'), stderr: stream('stderr') }, env),
    env,
    clock: systemClock,
    onInterrupt: () => () => {},
  }
  const exitCode = await run(args, shell)
  return { exitCode, ...said }
}
