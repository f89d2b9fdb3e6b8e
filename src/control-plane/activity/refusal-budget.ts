import type { Clock } from '#foundation/clock.ts'

const WINDOW_MS = 60_000
const PER_WINDOW = 300
const MAX_TRACKED = 10_000

/**
 * How many refusals of one source are written: so many in a minute, then none until the minute is over. Answers `undefined` for one
 * that is only counted, else how many were only counted since the last that was written.
 */
export const refusalBudget = (clock: Clock): ((source: string) => number | undefined) => {
  const sources = new Map<string, { beganMs: number; written: number; unwritten: number }>()
  return source => {
    const nowMs = clock.now().getTime()
    const known = sources.get(source)
    if (!known && sources.size >= MAX_TRACKED) sources.clear() // all that forgetting does is to write more
    const isOver = !known || nowMs - known.beganMs >= WINDOW_MS || nowMs < known.beganMs
    const current = isOver ? { beganMs: nowMs, written: 0, unwritten: known?.unwritten ?? 0 } : known
    sources.set(source, current)
    if (current.written >= PER_WINDOW) {
      current.unwritten++
      return undefined
    }
    const { unwritten } = current
    current.written++
    current.unwritten = 0
    return unwritten
  }
}
