import { CommanderError } from 'commander'
import { systemClock } from '#foundation/clock.ts'
import { InvariantViolated } from '#foundation/invariant.ts'
import { commandLine } from './command-line.ts'
import { Failure } from './failure.ts'
import { interruptsOf } from './on-interrupt.ts'
import type { Shell } from './shell.ts'
import { type Terminal, terminalOf } from './terminal.ts'

/** The `opengallery` command; returns its exit code: 0 done, 1 failed, 2 wrongly called. */
export const main = async (process: NodeJS.Process): Promise<number> => {
  const terminal = terminalOf(process, process.env)
  const clock = systemClock
  const shell: Shell = { terminal, env: process.env, clock, onInterrupt: interruptsOf(process, clock, terminal) }
  // Somebody who reads with `| head` has seen enough; that is no error.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
    terminal.say(`${terminal.style('red', 'error:')} The output could not be written: ${error.message}`)
    process.exit(1)
  })
  process.stderr.on('error', () => {}) // whoever read what is said meanwhile is gone; the work goes on
  return await run(process.argv.slice(2), shell)
}

/** Runs one command line and tells what went wrong, if anything did. */
export const run = async (args: readonly string[], shell: Shell): Promise<number> => {
  try {
    return await commandLine(shell, args)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return tell(error, shell.terminal)
  }
}

const tell = (error: unknown, terminal: Terminal): number => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  terminal.say(`${terminal.style('red', 'error:')} ${isExpected(error) ? message : (stack ?? message)}`)
  if (error instanceof Failure && error.advice !== undefined) terminal.say(`       ${error.advice}`)
  return error instanceof Failure ? error.exitCode : 1
}

/** Facts about the world are told in a sentence; what looks like our own mistake shows where it happened. */
const isExpected = (error: unknown): boolean =>
  error instanceof Error &&
  !(error instanceof InvariantViolated) &&
  !['TypeError', 'ReferenceError', 'SyntaxError', 'AssertionError'].includes(error.name)
