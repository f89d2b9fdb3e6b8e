import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#foundation/random.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { checkBytes, isWorking, type StormWorld, seedId, startStormWorld } from './storm-world.ts'

const SEED = Number(process.env.STORM_SEED ?? 20_261_125)
const STORMS = Number(process.env.STORMS ?? 3)
const REQUESTS = 240
const AT_ONCE = 24

type Chance = ReturnType<typeof seededRandom>
const pick = <T>(chance: Chance, values: readonly T[]): T => values[Math.floor(chance.next() * values.length)] as T

const contents = [1, 2, 3]
  .map(seed => seededRandom(seed).bytes(1 << 18))
  .map(bytes => Buffer.concat([bytes, bytes, bytes, bytes]))

type Request = readonly [
  method: 'GET' | 'PUT' | 'PATCH' | 'DELETE' | 'POST',
  path: string,
  body?: Json | undefined,
  query?: Record<string, string>,
]

const location = 'eastus'
const copyOf = (sourceResourceId: string): Json => ({ creationData: { createOption: 'Copy', sourceResourceId } })

/** One request of a storm: few names, so that everything meets everything. */
const anyRequest = (chance: Chance, root: string): Request => {
  const group = `${root}/resourceGroups/${pick(chance, ['storm0', 'storm0', 'storm0', 'storm1'])}`
  const compute = `${group}/providers/Microsoft.Compute`
  const gallery = `${compute}/galleries/g`
  const image = `${gallery}/images/${pick(chance, ['i', 'i', 'j'])}`
  const version = `${image}/versions/${pick(chance, ['1.0.0', '2.0.0'])}`
  const disk = `${compute}/disks/${pick(chance, ['d', 'e'])}`
  const snapshot = `${compute}/snapshots/s`
  const managed = `${compute}/images/m`
  const source = pick(chance, [seedId(0), seedId(1), seedId(2), disk, snapshot])
  const targetRegions = pick(chance, [[{ name: 'eastus' }], [{ name: 'eastus' }, { name: 'westus2' }]])
  const endOfLifeDate = '2027-01-01T00:00:00Z'
  const requests: readonly (readonly [number, () => Request])[] = [
    [4, () => ['PUT', group, { location, tags: { at: String(chance.next()) } }]],
    [0.5, () => ['DELETE', group]],
    [
      5,
      () => [
        'PUT',
        gallery,
        { location, properties: { softDeletePolicy: { isSoftDeleteEnabled: chance.next() < 0.5 } } },
      ],
    ],
    [0.5, () => ['DELETE', gallery]],
    [6, () => ['PUT', image, definition(image)]],
    [1, () => ['DELETE', image]],
    [2, () => ['PATCH', image, { tags: { at: String(chance.next()) } }]],
    [14, () => ['PUT', version, versionOf(source, targetRegions)]],
    [4, () => ['PATCH', version, { properties: { publishingProfile: { targetRegions, endOfLifeDate } } }]],
    [5, () => ['DELETE', version, undefined, { bypassSoftDelete: pick(chance, ['true', 'false']) }]],
    [3, () => ['PUT', version, { location, properties: { restore: true } }]],
    [4, () => ['GET', version, undefined, { $expand: 'ReplicationStatus' }]],
    [2, () => ['GET', `${image}/versions`]],
    [8, () => ['PUT', disk, { location, properties: copyOf(source) }]],
    [2, () => ['PATCH', disk, { properties: { diskSizeGB: 1 + Math.floor(chance.next() * 3) } }]],
    [4, () => ['DELETE', disk]],
    [4, () => ['PUT', snapshot, { location, properties: copyOf(pick(chance, [disk, seedId(1)])) }]],
    [2, () => ['DELETE', snapshot]],
    [
      3,
      () => [
        'PUT',
        managed,
        managedImage(pick(chance, [{ snapshot: { id: snapshot } }, { managedDisk: { id: disk } }])),
      ],
    ],
    [2, () => ['DELETE', managed]],
    [3, () => ['POST', `${disk}/beginGetAccess`, { access: 'Read', durationInSeconds: 3600 }]],
    [4, () => ['POST', `${disk}/endGetAccess`]],
    [
      2,
      () => [
        'PATCH',
        `${disk}/providers/Microsoft.Resources/tags/default`,
        { operation: 'Merge', properties: { tags: { x: 'y' } } },
      ],
    ],
  ]
  let at = chance.next() * requests.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, make] of requests) {
    at -= weight
    if (at < 0) return make()
  }
  return ['GET', group]
}

const definition = (path: string): Json => ({
  location,
  properties: {
    osType: 'Linux',
    osState: 'Generalized',
    identifier: { publisher: 'p', offer: 'o', sku: path.slice(-1) },
  },
})

const versionOf = (id: string, targetRegions: Json): Json => ({
  location,
  properties: { publishingProfile: { targetRegions }, storageProfile: { osDiskImage: { source: { id } } } },
})

const managedImage = (source: Record<string, Json>): Json => ({
  location,
  properties: { storageProfile: { osDisk: { osType: 'Linux', osState: 'Generalized', ...source } } },
})

/** Requests on top of each other, upkeep and jumps of the clock among them. */
const storm = async (world: StormWorld, chance: Chance, root: string): Promise<Record<string, number>> => {
  const answers: Record<string, number> = {}
  const one = async () => {
    const [method, path, body, query] = anyRequest(chance, root)
    const { status, body: answer } = await world.send(method, path, body, query)
    assert.ok(status < 500, `${method} ${path}: ${status} ${JSON.stringify(answer)}`)
    const said = `${method} ${status}`
    answers[said] = (answers[said] ?? 0) + 1
  }
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    if (chance.next() < 0.6) await rebuild(world, root)
    const together: Promise<unknown>[] = Array.from({ length: AT_ONCE }, one)
    if (chance.next() < 0.3) together.push(world.round())
    if (chance.next() < 0.1) world.arm.clock.advance(8 * 24 * 3_600_000)
    world.arm.clock.advance(1000)
    const ended = await Promise.allSettled(together)
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    if (chance.next() < 0.4) await world.settle()
  }
  return answers
}

/** What most requests need, or they would all find nothing. */
const rebuild = async ({ send }: StormWorld, root: string): Promise<void> => {
  const group = `${root}/resourceGroups/storm0`
  const compute = `${group}/providers/Microsoft.Compute`
  await send('PUT', group, { location })
  await send('PUT', `${compute}/galleries/g`, { location, properties: {} })
  await send('PUT', `${compute}/galleries/g/images/i`, definition('i'))
  await send('PUT', `${compute}/disks/d`, { location, properties: copyOf(seedId(0)) })
}

const HAS_BYTES = /^Microsoft\.Compute\/(disks|snapshots|images|galleries\/images\/versions)$/

const checkAll = async (world: StormWorld): Promise<void> => {
  const documents = await world.documents()
  const keys = new Set(documents.map(({ key }) => key))
  for (const document of documents) {
    assert.ok(!isWorking(document), `${document.key}: ${document.provisioningState}`)
    const bin = document.type.includes('softDeleted')
    assert.ok(bin || document.parentKey === '' || keys.has(document.parentKey), `${document.key} has lost its parent`)
    if (document.provisioningState === 'Succeeded' && HAS_BYTES.test(document.type)) await checkBytes(world, document)
  }
}

test('whatever happens at once, everything ends, lies where it belongs and keeps its bytes', async context => {
  for (let number = 0; number < STORMS; number++) {
    const seed = SEED + number
    const chance = seededRandom(seed)
    const world = await startStormWorld(contents)
    const root = seedId(0).split('/resourceGroups')[0] ?? ''
    try {
      const answers = await storm(world, chance, root)
      context.diagnostic(`seed ${seed}: ${JSON.stringify(answers)}`)
      await world.settle()
      await checkAll(world)
      assert.equal((await world.round()).failed, 0, 'A promise could not be kept.')
      await checkAll(world)
      assert.deepEqual(await world.round(), { released: 0, failed: 0 })
      await deleteAll(world, root)
    } catch (error) {
      throw new Error(`The storm of seed ${seed} failed: STORM_SEED=${seed} STORMS=1`, { cause: error })
    } finally {
      await world.close()
    }
  }
})

/** Nothing is left of anything once all groups are gone and the recycle bins have been emptied. */
const deleteAll = async (world: StormWorld, root: string): Promise<void> => {
  const { arm } = world
  for (const path of await accessible(world)) await arm.complete('POST', `${path}/endGetAccess`)
  for (const group of ['storm0', 'storm1', 'seeds']) {
    const { status, body } = await arm.complete('DELETE', `${root}/resourceGroups/${group}`)
    assert.ok(status < 300 || status === 404, JSON.stringify(body))
  }
  arm.clock.advance(60 * 24 * 3_600_000)
  await world.round()
  await world.round()
  assert.deepEqual(
    (await world.documents()).map(({ key }) => key),
    [root.toLowerCase()],
  )
  for (const region of arm.regions.names) {
    for await (const { name } of arm.regions.holds(region)) assert.fail(`${name} is still held in ${region}`)
    for (const { url, ...stats } of await arm.regions.stats(region))
      assert.deepEqual(
        { ...stats },
        { chunks: 0, packs: 0, storedBytes: 0, sharedBytes: 0, manifests: 0, damaged: 0 },
        url,
      )
  }
}

const accessible = async (world: StormWorld): Promise<string[]> =>
  (await world.documents())
    .filter(({ type }: ResourceDocument) => /\/(disks|snapshots)$/.test(type))
    .map(({ id }) => id)
