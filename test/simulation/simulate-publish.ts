import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Crashed, type CrashMode } from './crashing-files.ts'
import { Facts } from './publish-facts.ts'
import { Client, history, removeAll, type Step } from './publish-history.ts'
import { KEYS, Machine, STORES, startWorld, type World } from './publish-world.ts'

/** Where the machine dies, and what happens then. The same point gives the same run. */
export interface CrashPoint {
  readonly seed: number
  /** A call of the file system, or a commit of the database, counted from 1. */
  readonly at: { readonly call: number } | { readonly commit: number; readonly when: 'before' | 'after' } | undefined
  readonly mode: CrashMode
  /** The client goes on with its story, or never comes back and somebody removes everything. */
  readonly afterwards: 'resume' | 'abandon'
  /** So many calls after the restart the machine dies once more. */
  readonly again?: number
  /** Rounds of upkeep run one after the other all the time, beside everything. */
  readonly isTended?: true
  /** What a loss of power would leave is looked at behind every step. */
  readonly isWatched?: true
}

export interface Course {
  readonly calls: number
  readonly commits: number
  readonly lives: number
}

export const simulate = async (point: CrashPoint): Promise<Course> => {
  const machine = new Machine(point.seed)
  machine.disk.mode = point.mode
  const { at } = point
  if (at && 'call' in at) machine.disk.dieAt = at.call
  if (at && 'commit' in at) Object.assign(machine.database, { dieAt: at.commit, when: at.when })
  const facts = new Facts()
  let steps: readonly Step[] = [...history, ...removeAll]
  let lives = 0
  let doing = 'start'
  try {
    for (;;) {
      lives++
      const crashed = await live(machine, facts, lives, point, async (client, world) => {
        for (;;) {
          const [next, ...rest] = steps
          if (!next) return
          doing = next.name
          await next.run(client)
          if (point.isWatched && rest.length > 0) await facts.check(machine, world)
          steps = rest
        }
      })
      if (!crashed) break
      machine.disk.reboot()
      if (lives === 1 && point.again !== undefined) machine.disk.dieAt = machine.disk.calls + point.again
      if (point.afterwards === 'abandon') steps = removeAll
    }
    await requireNothing(machine)
    return { calls: machine.disk.calls, commits: machine.database.commits, lives }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`In life ${lives}, at '${doing}': ${message}`, { cause: error })
  } finally {
    await machine.close()
  }
}

/** One process from its start to its end; whether it crashed. */
const live = async (
  machine: Machine,
  facts: Facts,
  lives: number,
  point: CrashPoint,
  story: (client: Client, world: World) => Promise<void>,
): Promise<boolean> => {
  const opened: (() => Promise<void>)[] = []
  try {
    await machine.whileAlive(async () => {
      const world = await startWorld(machine, close => opened.push(close), point.isTended ?? false)
      const client = new Client(machine, world, facts)
      if (lives > 1) await pickUp(machine, world, client, facts, point)
      const tending = point.isTended ? tend(client) : undefined
      await story(client, world).finally(() => tending?.stop())
      await requireReleased(world)
      await world.close()
    })
    return false
  } catch (error) {
    if (!machine.disk.isDead) throw error
    assert.ok(error instanceof Crashed)
    return true
  } finally {
    for (const close of opened.reverse()) await close()
  }
}

const tend = (client: Client) => {
  let isOver = false
  const rounds = async () => {
    while (!isOver) {
      await client.upkeep()
      await setImmediate() // there is more than promises to wait for
    }
  }
  const running = rounds()
  running.catch(() => {}) // thrown by stop, unless the process died
  return {
    stop: () => {
      isOver = true
      return running
    },
  }
}

/** After a restart: what was under way ends by itself, also beside a round of upkeep, and everything is as it was acknowledged. */
const pickUp = async (
  machine: Machine,
  world: World,
  client: Client,
  facts: Facts,
  { afterwards, seed }: CrashPoint,
) => {
  // Signed URLs end by the clock; a disk can't be removed before.
  if (afterwards === 'abandon') return client.pass(2)
  await Promise.all([client.settle(), seed % 2 === 0 ? client.upkeep() : undefined])
  await facts.check(machine, world)
}

const requireReleased = async ({ regions }: World): Promise<void> => {
  for (const region of regions.names) {
    const holds: string[] = []
    for await (const { name } of regions.holds(region)) holds.push(name)
    assert.deepEqual(holds, [], `holds in ${region} that nobody wants`)
    for (const { chunks, packs, manifests } of await regions.stats(region))
      assert.deepEqual({ chunks, packs, manifests }, { chunks: 0, packs: 0, manifests: 0 }, `bytes in ${region}`)
  }
}

const requireNothing = async (machine: Machine): Promise<void> => {
  const kept = new Set(Object.values(STORES).flatMap(folders => folders.map(at => `${at}/store.json`)))
  kept.add(KEYS)
  const left = [...machine.disk.everything().keys()].filter(file => !kept.has(file))
  assert.deepEqual(left, [], 'files that nobody wants')
  const types = (await machine.rows('resource')).map(({ type }) => type)
  assert.deepEqual(types, ['microsoft.resources/subscriptions'])
  for (const table of ['operation_step', 'blob_grant', 'blob_draft'])
    assert.deepEqual(await machine.rows(table), [], `rows of ${table}`)
  for (const { id, status } of await machine.rows('operation')) assert.notEqual(status, 'InProgress', `operation ${id}`)
}
