import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Tools } from '../measure.ts'
import type { Contestant } from './contestant.ts'
import { copySeconds } from './limits.ts'
import { ourName } from './ours.ts'
import { startSeconds } from './peers.ts'
import { bytesIn, cacheFolder, fillMemory, runCommand, settled, whileQuiet } from './run-command.ts'
import { Standings } from './standings.ts'

export interface Image {
  readonly name: string
  readonly file: string
}

export interface Race {
  readonly images: readonly Image[]
  /** The version that is restored; none without it. */
  readonly restored?: string
  readonly verifies: boolean
  readonly runs: number
  /** What is measured beside all contestants after they did an event: a limit of the machine. */
  readonly limits?: (event: string, standings: Standings) => Promise<void>
}

/**
 * Peers that are slower than this many times the fastest of them in all events of the first run sit out the others. What they stored
 * counts all the same: that does not vary.
 */
const contenderFactor = 1.25

/**
 * Everybody publishes all images into a store of his own, restores and verifies, in turn, event by event, run after run. The events are
 * `publish NAME`, `added NAME` (MiB), `stored` (MiB), `restore` and `verify`.
 */
export const race = async (tools: Tools, everybody: readonly Contestant[], plan: Race): Promise<Standings> => {
  const standings = new Standings()
  const starts = new Map<string, number>()
  for (const program of new Set(everybody.map(({ program }) => program)))
    starts.set(program, program === ourName ? 0 : await startSeconds(program))
  const peers = everybody.filter(({ program }) => program !== ourName).map(({ name }) => name)
  const timed = [...plan.images.map(({ name }) => `publish ${name}`), 'restore', 'verify']
  let field = everybody
  for (let run = 0; run < plan.runs; run++) {
    tools.say(`run ${run + 1} of ${plan.runs}, ${field.length} contestants`)
    const folder = path.join(tools.folder, 'race')
    await oneRun({ tools, folder, plan, standings, starts, checks: run === 0 }, field)
    await fs.rm(folder, { recursive: true })
    const kept = standings.near(contenderFactor, peers, timed)
    field = everybody.filter(({ program, name }) => program === ourName || kept.has(name))
  }
  return standings
}

interface Run {
  readonly tools: Tools
  readonly folder: string
  readonly plan: Race
  readonly standings: Standings
  readonly starts: ReadonlyMap<string, number>
  readonly checks: boolean
}

const oneRun = async (run: Run, field: readonly Contestant[]): Promise<void> => {
  const { plan, folder } = run
  const storeOf = (one: Contestant) => path.join(folder, String(field.indexOf(one)))
  for (const one of field) {
    await fs.mkdir(storeOf(one), { recursive: true })
    await one.begin(storeOf(one))
  }
  if (!run.tools.wishes.quick) await fillMemory(run.tools.folder)
  let before = new Map<Contestant, number>()
  for (const { name, file } of plan.images) {
    await runCommand(['cp', file, '/dev/null']) // into the page cache, for all alike: the stores of an event before may have filled it
    await event(run, `publish ${name}`, field, one => one.publish(storeOf(one), file, name))
    const after = new Map<Contestant, number>()
    for (const one of field) {
      const bytes = await bytesIn(storeOf(one))
      after.set(one, bytes)
      run.standings.add(`added ${name}`, one.name, (bytes - (before.get(one) ?? 0)) / 2 ** 20)
    }
    before = after
  }
  for (const [one, bytes] of before) run.standings.add('stored', one.name, bytes / 2 ** 20)
  const restored = plan.images.find(({ name }) => name === plan.restored)
  if (restored) await event(run, 'restore', field, one => restoreOnce(run, one, storeOf(one), restored))
  const versions = plan.images.map(({ name }) => name)
  if (plan.verifies)
    await event(run, 'verify', field, async one => {
      await cacheFolder(storeOf(one))
      return await one.verify(storeOf(one), versions)
    })
}

const event = async (
  run: Run,
  name: string,
  field: readonly Contestant[],
  work: (one: Contestant) => Promise<number>,
) => {
  await whileQuiet(async () => {
    for (const one of field) {
      const seconds = await settled(() => work(one))
      const started = run.starts.get(one.program) ?? 0
      run.standings.add(name, one.name, Math.max(seconds - started, 0.001))
    }
    await run.plan.limits?.(name, run.standings)
  })
  // A run of half an hour that is stopped has told what it knew.
  run.tools.say(`${name}: ${run.standings.tell(name)}`)
}

/**
 * What comes out is compared with the image the first time, outside of the clock. It takes memory, and finds what the one before has left
 * when his was removed; the first would have to win it from the caches of all stores, which takes as long again. So a copy of that size
 * leaves the same to everybody.
 */
const restoreOnce = async (run: Run, one: Contestant, store: string, image: Image): Promise<number> => {
  await cacheFolder(store)
  const target = path.join(run.folder, 'restored')
  await fs.mkdir(target)
  await copySeconds(image.file, target)
  const { seconds, file } = await one.restore(store, image.file, image.name, target)
  if (run.checks) await runCommand(['cmp', image.file, file])
  await fs.rm(target, { recursive: true })
  return seconds
}
