import { parentPort, workerData } from 'node:worker_threads'
import { RegionsHistory } from './regions-history.ts'

/** Runs the histories of seeds `from`, `from + step` and so on, `count` of them; tells each that fails. */
const { from, step, count } = workerData as { from: number; step: number; count: number }
for (let done = 0; done < count; done++) {
  const seed = from + done * step
  const history = new RegionsHistory(seed)
  try {
    await history.run()
    parentPort?.postMessage({ seed })
  } catch (error) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    parentPort?.postMessage({ seed, failure: told, trace: history.trace })
  }
}
