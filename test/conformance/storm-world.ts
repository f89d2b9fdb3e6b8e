import assert from 'node:assert/strict'
import type { ArmRequest } from '#arm/resource-type.ts'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { computePromises, isComputeHold, retireCompute } from '#providers/Microsoft.Compute/promises.ts'
import { diskOf, disksOf, hiddenDisk, type StoredDisk } from '#providers/Microsoft.Compute/stored-disk.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { SUBSCRIPTION, startTestArm, type TestAnswer, type TestArm } from '../support/test-arm.ts'

const SEEDS = `/subscriptions/${SUBSCRIPTION}/resourceGroups/seeds`
export const seedId = (index: number) => `${SEEDS}/providers/Microsoft.Compute/snapshots/seed${index}`

/** A control plane with three snapshots of different bytes, which outlive every storm. */
export interface StormWorld {
  readonly arm: TestArm
  readonly contents: readonly Buffer[]
  /** Sends without waiting for work; throws for what is no answer but a fault. */
  send(method: ArmRequest['method'], path: string, body?: Json, query?: Record<string, string>): Promise<TestAnswer>
  documents(): Promise<readonly ResourceDocument[]>
  /** Waits until nothing works any more. */
  settle(): Promise<void>
  /** What upkeep does in a round; how many holds it let go, and how many promises it could not keep. */
  round(): Promise<{ released: number; failed: number }>
  close(): Promise<void>
}

const WORKING = new Set(['Creating', 'Updating', 'Deleting'])
/** What is in the recycle bin stays as it was when it was deleted. */
export const isWorking = ({ type, provisioningState }: ResourceDocument): boolean =>
  !type.includes('softDeleted') && WORKING.has(provisioningState)
const MAX_SETTLE_MS = 30_000

export const startStormWorld = async (contents: readonly Buffer[]): Promise<StormWorld> => {
  const arm = await startTestArm({ regions: ['eastus', 'westus2'] })
  await arm.complete('PUT', SEEDS, { location: 'eastus' })
  for (const [index, content] of contents.entries()) await plant(arm, seedId(index), content)
  const documents = () => listAll(arm.arm.resources, {})
  return {
    arm,
    contents,
    send: arm.send,
    documents,
    async settle() {
      const untilMs = performance.now() + MAX_SETTLE_MS
      for (;;) {
        const busy = []
        for (const document of await documents())
          if (isWorking(document) || (await arm.operations.active(document.key))) busy.push(document)
        if (busy.length === 0) return
        assert.ok(
          performance.now() < untilMs,
          `Work does not end: ${busy.map(({ key, provisioningState }) => `${key} ${provisioningState}`)}`,
        )
        arm.clock.advance(1000)
        await new Promise(resolve => setImmediate(resolve))
      }
    },
    async round() {
      await retireCompute(arm.arm, arm.regions, silentLog)
      const promises = computePromises(arm.arm.resources, arm.regions)
      const { released, failed } = await reconcile(arm.regions, promises, isComputeHold, silentLog)
      for (const region of arm.regions.names) await arm.regions.collect(region)
      return { released, failed: failed.length }
    },
    close: () => arm.close(),
  }
}

/** A stored snapshot of these bytes. */
const plant = async (arm: TestArm, id: string, bytes: Buffer): Promise<void> => {
  const uid = arm.arm.random.uuid()
  const at = arm.clock.now().toISOString()
  const draft = { key: id.toLowerCase(), uid }
  const { manifest } = await arm.regions.ingest('eastus', bytesOf(bytes), `${draft.key}@${uid}/planting`)
  const disk: StoredDisk = { manifest, sizeBytes: bytes.length }
  const document: ResourceDocument = {
    ...draft,
    id,
    type: 'Microsoft.Compute/snapshots',
    name: id.split('/').at(-1) ?? '',
    parentKey: SEEDS.toLowerCase(),
    subscriptionId: SUBSCRIPTION,
    groupKey: SEEDS.toLowerCase(),
    location: 'eastus',
    envelope: {},
    properties: {},
    provisioningState: 'Succeeded',
    hidden: hiddenDisk(disk),
    systemData: {
      createdBy: 'test',
      createdByType: 'User',
      createdAt: at,
      lastModifiedBy: 'test',
      lastModifiedByType: 'User',
      lastModifiedAt: at,
    },
    etag: arm.arm.random.uuid(),
    version: 1,
  }
  await arm.arm.transact(transaction => arm.arm.resources.insert(transaction, document))
}

/** Every disk's bytes behind a finished resource must be one of the contents, with nothing but zeros behind. */
export const checkBytes = async ({ arm, contents }: StormWorld, document: ResourceDocument): Promise<void> => {
  const { os, data = [] } = disksOf(document) ?? {}
  const disks = [diskOf(document), os, ...data].filter(disk => disk !== undefined)
  assert.ok(disks.length > 0, `${document.key} is Succeeded without bytes`)
  for (const { manifest, sizeBytes } of disks) {
    for (const region of regionsOf(document)) {
      const bytes = await arm.regions.open(region, manifest)
      try {
        assert.equal(bytes.sizeBytes, sizeBytes)
        const length = contents[0]?.length ?? 0
        const start = Buffer.alloc(length)
        await bytes.read(0, start)
        assert.ok(
          contents.some(content => content.equals(start)),
          `${document.key} has bytes in ${region} that nobody wrote`,
        )
        for await (const { offset, length: dataBytes } of bytes.extents()) assert.ok(offset + dataBytes <= length)
      } finally {
        await bytes.close()
      }
    }
  }
}

const regionsOf = (document: ResourceDocument): string[] => {
  const { regions } = document.hidden as { regions?: Record<string, { state: string }> }
  return regions ? Object.keys(regions) : [document.location ?? '']
}
