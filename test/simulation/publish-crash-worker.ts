import { parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '#foundation/random.ts'
import { Crashed } from './crashing-files.ts'
import { type CrashPoint, simulate } from './simulate-publish.ts'

/** `part` of `parts` of the points; `samples` of them all together, chosen by the seed, or every one. */
interface Task {
  readonly seed: number
  readonly samples: number | undefined
  readonly part: number
  readonly parts: number
  readonly only: CrashPoint | undefined
}

const { seed, samples, part, parts, only } = workerData as Task
const chance = seededRandom(seed)
const oneOf = <T>(...of: readonly T[]): T => of[Math.floor(chance.next() * of.length)] as T

// In a process that died nobody would hear of them.
process.on('unhandledRejection', fault => {
  if (!(fault instanceof Crashed)) throw fault
})

const run = async (point: CrashPoint): Promise<void> => {
  parentPort?.postMessage({ at: point })
  try {
    await simulate(point)
  } catch (error) {
    throw new Error(`POINT='${JSON.stringify(point)}': ${(error as Error).message}`, { cause: error })
  }
}

/** Every call and both sides of every commit. */
const everyPoint = async (): Promise<CrashPoint['at'][]> => {
  const { calls, commits } = await simulate(calm)
  return [
    ...Array.from({ length: calls }, (_, i) => ({ call: i + 1 })),
    ...Array.from({ length: commits }, (_, i) => ({ commit: i + 1, when: 'before' as const })),
    ...Array.from({ length: commits }, (_, i) => ({ commit: i + 1, when: 'after' as const })),
  ]
}

/** Commits are fewer than calls and decide more: a sample looks at as many of both. */
const sample = (all: readonly CrashPoint['at'][], count: number): CrashPoint['at'][] => {
  const calls = all.filter(at => at && 'call' in at)
  const commits = all.filter(at => at && 'commit' in at)
  return Array.from({ length: count }, (_, i) => oneOf(...(i % 2 === 0 ? calls : commits)))
}

const pointAt = (at: CrashPoint['at'], afterwards: CrashPoint['afterwards']): CrashPoint => ({
  seed: 1 + Math.floor(chance.next() * 1e6),
  at,
  mode: oneOf('kill', 'power'),
  afterwards,
  ...(chance.next() < 0.25 ? { isTended: true } : {}),
  ...(chance.next() < 0.3 ? { again: 1 + Math.floor(chance.next() * 150) } : {}),
})

const calm = { seed, at: undefined, mode: 'power', afterwards: 'resume' } as const

if (only) await run(only)
else {
  if (part === 0) await run({ ...calm, isWatched: true })
  if (part === 1) await run({ ...calm, isTended: true, isWatched: true })
  const all = await everyPoint()
  const chosen = samples === undefined ? all : sample(all, samples)
  const points = chosen.flatMap(at =>
    samples === undefined
      ? [pointAt(at, 'resume'), pointAt(at, 'abandon')]
      : [pointAt(at, oneOf('resume', 'resume', 'abandon'))],
  )
  for (const [index, point] of points.entries()) if (index % parts === part) await run(point)
}
parentPort?.postMessage({ done: true })
