import { Worker } from 'node:worker_threads'

/** A history that broke a promise, and what had happened in it. */
export interface BrokenHistory {
  readonly seed: number
  readonly failure: string
  readonly trace: readonly string[]
}

/** Runs the histories of the seeds from `first` on, on several threads; answers those that failed. */
export const runHistories = async (
  first: number,
  count: number,
  threads: number,
  onDone: (done: number) => void = () => {},
): Promise<BrokenHistory[]> => {
  const broken: BrokenHistory[] = []
  let done = 0
  const thread = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const workerData = { from: first + index, step: threads, count: Math.ceil((count - index) / threads) }
      const worker = new Worker(new URL('./regions-history-worker.ts', import.meta.url), { workerData })
      worker.on('message', (told: { seed: number } | BrokenHistory) => {
        if ('failure' in told) broken.push(told)
        onDone(++done)
      })
      worker.on('error', reject)
      worker.on('exit', () => resolve())
    })
  await Promise.all(Array.from({ length: Math.min(threads, count) }, (_, index) => thread(index)))
  if (done !== count) throw new Error(`Of ${count} histories only ${done} ended.`)
  return broken
}

/** What to read, and to type, when a history broke. */
export const storyOf = ({ seed, failure, trace }: BrokenHistory): string =>
  [`seed ${seed}: ${failure}`, ...trace.map(line => `    ${line}`), `  Again: npm run simulate -- --seed ${seed}`].join(
    '\n',
  )
