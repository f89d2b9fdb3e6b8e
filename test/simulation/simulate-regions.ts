import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runHistories, storyOf } from './run-histories.ts'

/**
 * `npm run simulate`: thousands of small histories of stores and replication, on a disk that loses what was not flushed, tears,
 * fills up and fails, over a network that loses, doubles, reorders, damages and breaks off. Every seed is a history; a run begins
 * at a seed of its own, so that each run sees new ones.
 */
const usage = `npm run simulate -- [--count N] [--first SEED] | --seed SEED

  --count N      so many histories (25,000)
  --first SEED   from this seed on (default: one that no run had before)
  --seed SEED    only the history of this seed: what is printed of one that broke a promise`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    first: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(usage)
  process.exit()
}
const only = values.seed !== undefined
const first = Number(values.seed ?? values.first ?? Date.now() % 1_000_000_000)
const count = only ? 1 : Number(values.count ?? 25_000)
if (![first, count].every(number => Number.isSafeInteger(number) && number >= 0))
  throw new TypeError('--seed, --first and --count are whole numbers.')

const startedMs = Date.now()
const broken = await runHistories(first, count, availableParallelism(), done => {
  if (done % 2000 === 0) console.log(`${done} of ${count} after ${Math.round((Date.now() - startedMs) / 1000)} s`)
})
for (const history of broken.slice(0, 5)) console.error(storyOf(history))
const seconds = Math.round((Date.now() - startedMs) / 1000)
console.log(`${count} histories from seed ${first} in ${seconds} s: ${broken.length} broke a promise.`)
process.exitCode = broken.length > 0 ? 1 : 0
