/** A promise about speed or size: ours beside a yardstick of the same run. Both are costs, so smaller is better. */
export interface Measure {
  readonly metric: string
  readonly unit: string
  readonly ours: number
  readonly beside: number
  /** What the yardstick is. */
  readonly name: string
  /** `ours / beside` may be this much. */
  readonly must: number
}

export type Benchmark = (tools: Tools) => Promise<Measure[]>

export interface Tools {
  /** A scratch folder that is removed afterwards. */
  readonly folder: string
  say(line: string): void
  /** Called at the end, last first. */
  after(work: () => unknown): void
}

export const ratioOf = ({ ours, beside }: Measure): number => Number((ours / beside).toFixed(3))

export const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** Runs both in turn, so that a busy moment of the machine strikes both, and takes the medians. */
export const sideBySide = async (
  times: number,
  ours: () => Promise<number>,
  beside: () => Promise<number>,
): Promise<{ ours: number; beside: number }> => {
  const [mine, theirs]: [number[], number[]] = [[], []]
  for (let run = 0; run < times; run++) {
    mine.push(await ours())
    theirs.push(await beside())
  }
  return { ours: median(mine), beside: median(theirs) }
}
