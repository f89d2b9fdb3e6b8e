import type { Clock } from '#foundation/clock.ts'
import type { Terminal } from './terminal.ts'

export interface Bar {
  /** How much is done, and what stands behind the bar. */
  update(fraction: number, note?: string): void
  /** The last word; the bar stays as it is. */
  end(note: string): void
}

/** Disposing closes it, so that an error is told below the bars. */
export interface Progress extends Disposable {
  bar(label: string): Bar
  /** Draws the last state and lets go of the screen. */
  close(): void
}

interface Line {
  readonly label: string
  fraction: number
  note: string
  isEnded: boolean
  saidMs: number
}

const redrawMs = 80
const repeatMs = 10_000
const barCells = 24

/** Bars that redraw themselves where a person watches; elsewhere a plain line every ten seconds and at the end. */
export const showProgress = (terminal: Terminal, clock: Clock): Progress => {
  const lines: Line[] = []
  const labelCells = () => Math.max(...lines.map(line => line.label.length))
  let drawnMs = 0

  const redraw = () => {
    terminal.pin(lines.map(line => barLine(line, labelCells(), terminal)))
    drawnMs = clock.now().getTime()
  }
  const show = (line: Line, isUrgent: boolean) => {
    const nowMs = clock.now().getTime()
    if (terminal.isWatched) {
      if (isUrgent || nowMs - drawnMs >= redrawMs) redraw()
    } else if (isUrgent || nowMs - line.saidMs >= repeatMs) {
      line.saidMs = nowMs
      terminal.say(line.isEnded ? `${line.label}: ${line.note}` : `${line.label}: ${percentOf(line)}% ${line.note}`)
    }
  }
  const close = () => {
    if (terminal.isWatched && lines.length > 0) redraw()
    terminal.unpin()
    lines.length = 0
  }
  return {
    bar(label) {
      const line: Line = { label, fraction: 0, note: '', isEnded: false, saidMs: clock.now().getTime() }
      lines.push(line)
      if (terminal.isWatched) redraw()
      return {
        update(fraction, note = '') {
          line.fraction = Math.min(1, Math.max(0, fraction))
          line.note = note
          show(line, false)
        },
        end(note) {
          line.note = note
          line.isEnded = true
          show(line, true)
        },
      }
    },
    close,
    [Symbol.dispose]: close,
  }
}

const percentOf = (line: Line): number => Math.floor(line.fraction * 100)

const barLine = (line: Line, labelCells: number, terminal: Terminal): string => {
  const full = Math.round(line.fraction * barCells)
  const bar = terminal.style('cyan', '█'.repeat(full)) + terminal.style('dim', '░'.repeat(barCells - full))
  const head = `   ${line.label.padEnd(labelCells)}  `
  const percent = ` ${String(percentOf(line)).padStart(3)}%  `
  // A line that wraps would spoil the count of lines to go up.
  const room = Math.max(0, terminal.columns - head.length - barCells - percent.length - 1)
  return `${head}${bar}${percent}${line.note.slice(0, room)}`
}
