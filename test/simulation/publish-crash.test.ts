import test from 'node:test'
import { Worker } from 'node:worker_threads'
import type { CrashPoint } from './simulate-publish.ts'

// SEED chooses the points of crash and all that chance decides, POINTS=all takes every one (20 minutes), POINT one by itself.
const { SEED = String(Date.now() % 1_000_000), POINTS = '24', POINT } = process.env
const seed = Number(SEED)
const samples = POINTS === 'all' ? undefined : Number(POINTS)
const only = POINT === undefined ? undefined : (JSON.parse(POINT) as CrashPoint)
// Every point is thousands of runs: fresh threads, two at a time, bound the memory that they take together.
const parts = only ? 1 : samples === undefined ? 40 : 2

const timeout = samples === undefined ? 3_600_000 : Math.max(280_000, samples * 2000)

/** In a thread of its own: the test runner follows every promise of its thread, which takes most of the time of so many. */
const run = (part: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const workerData = { seed, samples, part, parts, only }
    const worker = new Worker(new URL('./publish-crash-worker.ts', import.meta.url), { workerData })
    let at: CrashPoint | undefined
    let isDone = false
    worker.on('message', (message: { at?: CrashPoint; done?: true }) => {
      at = message.at
      isDone = message.done ?? false
    })
    worker.on('error', reject)
    worker.on('exit', () =>
      isDone ? resolve() : reject(new Error(`It never ended at POINT='${JSON.stringify(at)}'.`)),
    )
    signal.addEventListener('abort', () => void worker.terminate())
  })

test(`a server that dies at any moment keeps what it acknowledged and leaves no orphan (SEED=${seed})`, {
  concurrency: 2,
  timeout,
}, async story => {
  await Promise.all(
    Array.from({ length: parts }, (_, part) =>
      story.test(`part ${part + 1} of ${parts}`, { timeout }, ({ signal }) => run(part, signal)),
    ),
  )
})
