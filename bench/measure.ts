/** A promise about speed or size: ours beside a yardstick of the same run. Both are costs, so smaller is better. */
export interface Measure {
  readonly metric: string
  readonly unit: string
  readonly ours: number
  readonly beside: number
  /** What the yardstick is. */
  readonly name: string
  /** `ours / beside` may be this much. Without it the row promises nothing. */
  readonly must?: number
  /** Where `ours / beside` should come to. */
  readonly aim?: number
}

/** A row that has no figures here. */
export interface Unmeasured {
  readonly metric: string
  /** As in `desync is not installed: not compared`. */
  readonly why: string
}

export type Row = Measure | Unmeasured

export type Benchmark = (tools: Tools) => Promise<Row[]>

/** What the command line asks for. */
export interface Wishes {
  /** Small images and one run: whether the harness works. Its ratios are told, and judged by nobody. */
  readonly quick: boolean
  readonly runs: number | undefined
  /** Parts of the benchmark by name; none are all. */
  readonly parts: readonly string[]
  /** Only peers whose name has one of these in it; none are all. */
  readonly peers: readonly string[]
}

export interface Tools {
  /** A scratch folder that is removed afterwards. */
  readonly folder: string
  readonly wishes: Wishes
  say(line: string): void
  /** A line of a table that belongs to the result. */
  show(line: string): void
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
