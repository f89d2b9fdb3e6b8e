import test from 'node:test'
import { Worker } from 'node:worker_threads'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** In a thread of its own: the test runner follows every promise of its thread, which takes most of the time of so many. */
const run = (scenario: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./store-crash-worker.ts', import.meta.url), { workerData: { seed, scenario } })
    let isDone = false
    worker.on('message', () => {
      isDone = true
    })
    worker.on('error', reject)
    worker.on('exit', code => (isDone ? resolve() : reject(new Error(`The simulation ended early, with ${code}.`))))
  })

const scenarios = {
  kill: 'survives the loss of its process at any call',
  power: 'survives the loss of power at any call',
  repeated: 'survives crashes while it mends what a crash left',
  ENOSPC: 'loses nothing when the disk is full for a while',
  EIO: 'loses nothing when the disk fails for a while',
}

test('a chunk store', { concurrency: 2 }, async story => {
  await Promise.all(
    Object.entries(scenarios).map(([scenario, says]) => story.test(`${says} (SEED=${seed})`, () => run(scenario))),
  )
})
