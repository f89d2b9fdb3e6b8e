import type { Clock } from '#foundation/clock.ts'
import { durationText } from '../figures.ts'
import { tableOf } from '../table.ts'
import type { Terminal } from '../terminal.ts'

/** Tells the demo step by step, and keeps what the table at the end shows. */
export interface Narrator {
  /** Runs a step under its title; `outcome` is what the table says of it. */
  step<T>(title: string, work: (outcome: (text: string) => void) => Promise<T>): Promise<T>
  tell(line: string): void
  /** The table, with the time of each step. */
  summary(): void
}

export const narrator = (terminal: Terminal, clock: Clock, signal: AbortSignal): Narrator => {
  const rows: string[][] = []
  const tell = (text: string) => {
    for (const line of wrapped(text, Math.min(terminal.columns, widestLine) - indent.length))
      terminal.result(`${indent}${line}`)
  }
  return {
    async step(title, work) {
      signal.throwIfAborted()
      const startedMs = clock.now().getTime()
      terminal.result(
        `\n${terminal.style(['bold', 'cyan'], String(rows.length + 1))}  ${terminal.style('bold', title)}`,
      )
      let told = ''
      const result = await work(text => {
        told = text
      })
      rows.push([String(rows.length + 1), title, durationText(clock.now().getTime() - startedMs), told])
      return result
    },
    tell,
    summary() {
      terminal.result('')
      for (const line of tableOf(['', 'What', 'Took', 'With what result'], rows, terminal)) terminal.result(line)
    },
  }
}

const indent = '   '
const widestLine = 100

/** Breaks a text between words into lines of at most `width` cells, where its words allow. */
const wrapped = (text: string, width: number): string[] => {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}
