import assert from 'node:assert/strict'
import { vhdFooterBytes } from '#data-plane/disks/fixed-vhd.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { fixedVhd } from '../scenarios/disk-image.ts'
import type { Fact, Facts, Image } from './publish-facts.ts'
import { keyOf } from './publish-facts.ts'
import type { Machine, World } from './publish-world.ts'
import { imageOf } from './store-history.ts'

const DAY_MS = 24 * 3_600_000

/** The smallest disk that may be uploaded. */
const sizeBytes = 20 * 2 ** 20
const footer = fixedVhd(Buffer.alloc(sizeBytes)).subarray(-vhdFooterBytes)
const first: Image = { name: 'first', front: imageOf(1, 128), sizeBytes }
const second: Image = {
  name: 'second',
  front: Buffer.concat([first.front.subarray(0, 300_000), imageOf(2, 40)]),
  sizeBytes,
}

const gallery = '/providers/Microsoft.Compute/galleries/g'
const definition = `${gallery}/images/i`
const version = (name: string) => `${definition}/versions/${name}`
const disk = (name: string) => `/providers/Microsoft.Compute/disks/${name}`

/** A client of one process. It outlives no crash, but what it learnt does. */
export class Client {
  readonly #machine: Machine
  readonly #world: World
  readonly facts: Facts

  constructor(machine: Machine, world: World, facts: Facts) {
    this.#machine = machine
    this.#world = world
    this.facts = facts
  }

  /** Sends, and waits for the operation as a poller would; nothing may fail. */
  async done(method: 'PUT' | 'PATCH' | 'POST' | 'DELETE', path: string, body?: Json): Promise<void> {
    const { status, headers, body: answer } = await this.#world.send(method, path, body)
    if (method === 'DELETE' && status === 404) return // an earlier try got through, though nobody heard of it
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(answer)}`)
    const url = headers['azure-asyncoperation']
    if (url === undefined) return
    this.facts.acknowledge(url)
    const operation = await this.#world.operations.settled(new URL(url).pathname.split('/').at(-1) ?? '')
    assert.equal(operation.status, 'Succeeded', `${method} ${path}: ${JSON.stringify(operation.error)}`)
  }

  /** Writes a part of an upload; acknowledged when it resolves. */
  readonly upload = async (name: string, offset: number, bytes: Buffer): Promise<void> => {
    const document = (await this.#world.resources.find(keyOf(disk(name)))) ?? assert.fail(`${name} is gone`)
    const { upload } = document.hidden as { upload?: { draft: string } }
    const draft = await this.#world.regions.findDraft('eastus', upload?.draft ?? '')
    assert.ok(draft, `the draft of ${name} is gone`)
    await draft.write(offset, bytes)
  }

  upkeep(): Promise<void> {
    return this.#world.upkeep.round()
  }

  /** Resolves when no operation is under way. */
  async settle(): Promise<void> {
    for (const { id, status } of await this.#machine.rows('operation'))
      if (status === 'InProgress') await this.#world.operations.settled(id as string)
  }

  pass(days: number): void {
    this.#machine.clock.advance(days * DAY_MS)
    this.facts.forgetOperations()
  }
}

export interface Step {
  readonly name: string
  /** May be run again after a crash in it; what was acknowledged before it is not sent again. */
  run(client: Client): Promise<unknown>
}

const step = (name: string, run: Step['run']): Step => ({ name, run })

const there = { is: 'there' } as const
const put = (path: string, properties: JsonObject): Step =>
  step(`PUT ${path}`, client =>
    client.facts.change(path, there, () => client.done('PUT', path, { location: 'eastus', properties })),
  )
const remove = (path: string): Step =>
  step(`DELETE ${path}`, client => client.facts.change(path, undefined, () => client.done('DELETE', path)))

/** A disk is made, written through its signed URL's draft in pieces, and finished. */
const uploaded = (name: string, { front, ...image }: Image): Step[] => {
  const path = disk(name)
  const whole = sizeBytes + vhdFooterBytes
  const waiting = (written: Buffer): Fact => ({ is: 'upload', written, sizeBytes: whole })
  const creationData = { createOption: 'Upload', uploadSizeBytes: whole }
  const properties = { creationData, osType: 'Linux', hyperVGeneration: 'V1' }
  const third = Math.floor(front.length / 3 / 512) * 512
  const write = (offset: number, bytes: Buffer) =>
    step(`write ${bytes.length} bytes at ${offset} of ${name}`, async ({ facts, upload }) => {
      const before = facts.of(path)
      assert.ok(before?.is === 'upload')
      const written = Buffer.alloc(Math.max(before.written.length, offset + bytes.length))
      before.written.copy(written)
      bytes.copy(written, offset)
      await facts.change(path, waiting(written), () => upload(name, offset, bytes))
    })
  return [
    step(`PUT ${path}`, client =>
      client.facts.change(path, waiting(Buffer.alloc(0)), () =>
        client.done('PUT', path, { location: 'eastus', properties }),
      ),
    ),
    step(`beginGetAccess of ${name}`, client =>
      client.done('POST', `${path}/beginGetAccess`, { access: 'Write', durationInSeconds: 3600 }),
    ),
    write(0, Buffer.alloc(2 * third, 0xee)), // to be overwritten
    write(third, front.subarray(third, 2 * third)),
    write(0, front.subarray(0, third)),
    write(2 * third, front.subarray(2 * third)),
    write(sizeBytes, footer),
    step(`endGetAccess of ${name}`, client =>
      client.facts.change(path, { is: 'disk', image: { front, ...image } }, () =>
        client.done('POST', `${path}/endGetAccess`),
      ),
    ),
  ]
}

const targets = (regions: Readonly<Record<string, number>>): JsonObject => ({
  targetRegions: Object.entries(regions).map(([name, regionalReplicaCount]) => ({ name, regionalReplicaCount })),
})
const sourceOf = (name: string) => ({ source: { id: keyOf(disk(name)) } })

const versionOne = (regions: Record<string, number>) => ({ is: 'version', os: first, regions }) as const
const atFirst = { eastus: 1, westus2: 2, westeurope: 1 }
const later = { eastus: 1, westus2: 1, southeastasia: 1 }
const versionTwo = { is: 'version', os: second, data: first, regions: { eastus: 1, westus2: 2 } } as const

/** The life of two versions, from an empty installation to an empty one. */
export const history: readonly Step[] = [
  put('', {}),
  put(gallery, { softDeletePolicy: { isSoftDeleteEnabled: true } }),
  put(definition, {
    osType: 'Linux',
    osState: 'Generalized',
    hyperVGeneration: 'V1',
    identifier: { publisher: 'p', offer: 'o', sku: 's' },
  }),
  ...uploaded('one', first),
  step('PUT 1.0.0', client =>
    client.facts.change(version('1.0.0'), versionOne(atFirst), () =>
      client.done('PUT', version('1.0.0'), {
        location: 'eastus',
        properties: {
          publishingProfile: targets(atFirst),
          storageProfile: { osDiskImage: sourceOf('one') },
          safetyProfile: { allowDeletionOfReplicatedLocations: true },
        },
      }),
    ),
  ),
  ...uploaded('two', second),
  step('PUT 1.0.1, with upkeep beside it', client =>
    client.facts.change(version('1.0.1'), versionTwo, () =>
      Promise.all([
        client.done('PUT', version('1.0.1'), {
          location: 'eastus',
          properties: {
            publishingProfile: targets(versionTwo.regions),
            storageProfile: {
              osDiskImage: sourceOf('two'),
              dataDiskImages: [{ lun: 0, ...sourceOf('one') }],
            },
          },
        }),
        client.upkeep(),
      ]),
    ),
  ),
  remove(disk('one')),
  step('PATCH the regions of 1.0.0', client =>
    client.facts.change(version('1.0.0'), versionOne(later), () =>
      client.done('PATCH', version('1.0.0'), { properties: { publishingProfile: targets(later) } }),
    ),
  ),
  step('upkeep', client => client.upkeep()),
  step('soft DELETE 1.0.0', client =>
    client.facts.change(version('1.0.0'), { ...versionOne(later), deleted: true }, () =>
      client.done('DELETE', version('1.0.0')),
    ),
  ),
  step('restore 1.0.0', client =>
    client.facts.change(version('1.0.0'), versionOne(later), () =>
      client.done('PUT', version('1.0.0'), { location: 'eastus', tags: {} }),
    ),
  ),
  step('soft DELETE 1.0.1', client =>
    client.facts.change(version('1.0.1'), { ...versionTwo, deleted: true }, () =>
      client.done('DELETE', version('1.0.1')),
    ),
  ),
  remove(disk('two')),
  step('upkeep', client => client.upkeep()),
]

/** Everything goes, by one request. */
export const removeAll: readonly Step[] = [
  step('DELETE the group', client => {
    client.facts.letGo()
    return client.done('DELETE', '')
  }),
  step('upkeep after the bin was kept long enough', async client => {
    client.pass(30)
    await client.upkeep()
  }),
]
