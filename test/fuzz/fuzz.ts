// `npm run fuzz -- [--requests 100000] [--seed N]`: everybody tries everything on a server in this process.
import { parseArgs } from 'node:util'
import { startMarkedWorld } from './marked-world.ts'
import { FuzzFinding, runFuzz } from './run-fuzz.ts'

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string', default: '20261129' } },
})
const [seed, requests] = [Number(values.seed), Number(values.requests)]
const world = await startMarkedWorld()
try {
  const tell = (done: number) => done % 10_000 === 0 && process.stdout.write(`${done} requests\n`)
  const statuses = await runFuzz(world, { seed, requests, onProgress: tell })
  process.stdout.write(`No fault, and nobody was told or changed what is not theirs. ${JSON.stringify(statuses)}\n`)
} catch (error) {
  if (!(error instanceof FuzzFinding)) throw error
  process.stdout.write(
    `${error.message}\nRepeat it with: npm run fuzz -- --requests 500 --seed N, with the seed above.\n`,
  )
  process.exitCode = 1
} finally {
  await world.close()
}
