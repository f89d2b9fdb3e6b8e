import assert from 'node:assert/strict'
import type { Caller } from '#arm/resource-type.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import {
  SUBSCRIPTION,
  startTestArm,
  type TestAnswer,
  type TestArm,
  type TestArmOptions,
} from '../../../../../test/support/test-arm.ts'
import { hiddenDisk, hiddenDisks, type StoredDisk } from '../stored-disk.ts'

export const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
export const COMPUTE = `${GROUP}/providers/Microsoft.Compute`
export const GALLERY = `${COMPUTE}/galleries/g`
export const IMAGE = `${GALLERY}/images/i`
export const version = (number: string) => `${IMAGE}/versions/${number}`

export interface TestGallery extends TestArm {
  /** Answers of a request that must be refused: `400 InvalidParameter: sentence`. */
  refused(
    method: 'PUT' | 'PATCH' | 'POST' | 'DELETE' | 'GET',
    path: string,
    body?: Json,
    query?: Record<string, string>,
  ): Promise<string>
  /** A request that must succeed, and its work too; its body. */
  done(
    method: 'PUT' | 'PATCH' | 'POST' | 'DELETE' | 'GET',
    path: string,
    body?: Json,
    query?: Record<string, string>,
  ): Promise<TestAnswer['body']>
  /** The same requests, sent by somebody else. */
  by(caller: Caller): Pick<TestGallery, 'refused' | 'done'>
  /** A stored snapshot (or disk) of these bytes; its id. */
  snapshot(
    name: string,
    bytes: Buffer,
    more?: { type?: string; location?: string; properties?: JsonObject },
  ): Promise<string>
  /** A managed image of these disks; its id. */
  managedImage(
    name: string,
    os: Buffer,
    data?: Readonly<Record<number, Buffer>>,
    properties?: JsonObject,
  ): Promise<string>
}

/** A control plane with an empty gallery and a generation-1 Linux definition, and a way to put sources beside them. */
export const startTestGallery = async (
  options: TestArmOptions & { gallery?: JsonObject } = {},
): Promise<TestGallery> => {
  const arm = await startTestArm(options)
  const stage = { ...arm, ...requests(arm), ...sources(arm), by: (caller: Caller) => requests(arm.as(caller)) }
  await stage.done('PUT', GROUP, { location: 'eastus' })
  await stage.done('PUT', GALLERY, { location: 'eastus', properties: options.gallery ?? {} })
  await stage.done('PUT', IMAGE, definition())
  return stage
}

export const definition = (more: JsonObject = {}): JsonObject => ({
  location: 'eastus',
  properties: {
    osType: 'Linux',
    osState: 'Generalized',
    hyperVGeneration: 'V1',
    identifier: { publisher: 'publisher', offer: 'offer', sku: 'sku' },
    ...more,
  },
})

/** The body of a version that is made of one disk or snapshot. */
export const ofDisk = (id: string, publishingProfile: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  location: 'eastus',
  properties: { publishingProfile, storageProfile: { osDiskImage: { source: { id } } }, ...more },
})

export const regions = (...names: readonly (string | JsonObject)[]): JsonObject => ({
  targetRegions: names.map(name => (typeof name === 'string' ? { name } : name)),
})

/** Bytes that no other seed gives, of whole MiB. */
export const noise = (seed: number, mebibytes = 1): Buffer => {
  const bytes = Buffer.alloc(mebibytes * 2 ** 20)
  let state = seed * 2654435761
  for (let at = 0; at < bytes.length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes.writeUInt32LE(state, at)
  }
  return bytes
}

const requests = (arm: Pick<TestArm, 'send' | 'complete'>): Pick<TestGallery, 'refused' | 'done'> => ({
  async refused(...call) {
    const { status, body } = await arm.send(...call)
    assert.ok(status >= 400, `${call[0]} ${call[1]} was not refused: ${JSON.stringify(body)}`)
    return `${status} ${body.error.code}: ${body.error.message}`
  },
  async done(...call) {
    const { status, body } = await arm.complete(...call)
    assert.ok(status < 300, `${call[0]} ${call[1]}: ${status} ${JSON.stringify(body)}`)
    return body
  },
})

const sources = (arm: TestArm): Pick<TestGallery, 'snapshot' | 'managedImage'> => {
  const keep = async (bytes: Buffer, location: string, hold: string): Promise<StoredDisk> => {
    const { manifest } = await arm.regions.ingest(location, bytesOf(bytes), hold)
    return { manifest, sizeBytes: bytes.length }
  }
  const insert = async (id: string, type: string, location: string, properties: JsonObject, hidden: JsonObject) => {
    const at = arm.clock.now().toISOString()
    const by = { createdBy: 'test', createdByType: 'User', createdAt: at } as const
    const document: ResourceDocument = {
      id,
      key: id.toLowerCase(),
      type,
      name: id.split('/').at(-1) ?? '',
      parentKey: GROUP.toLowerCase(),
      subscriptionId: SUBSCRIPTION,
      groupKey: GROUP.toLowerCase(),
      location,
      envelope: {},
      properties,
      provisioningState: 'Succeeded',
      hidden,
      systemData: { ...by, lastModifiedBy: 'test', lastModifiedByType: 'User', lastModifiedAt: at },
      uid: arm.arm.random.uuid(),
      etag: arm.arm.random.uuid(),
      version: 1,
    }
    await arm.arm.transact(transaction => arm.arm.resources.insert(transaction, document))
    return id
  }
  return {
    async snapshot(name, bytes, { type = 'snapshots', location = 'eastus', properties = {} } = {}) {
      const disk = await keep(bytes, location, `test/${name}`)
      return insert(`${COMPUTE}/${type}/${name}`, `Microsoft.Compute/${type}`, location, properties, hiddenDisk(disk))
    },
    async managedImage(name, os, data = {}, properties = {}) {
      const disks = Object.entries(data).map(async ([lun, bytes]) => ({
        lun: Number(lun),
        ...(await keep(bytes, 'eastus', `test/${name}/${lun}`)),
      }))
      const hidden = hiddenDisks({ os: await keep(os, 'eastus', `test/${name}/os`), data: await Promise.all(disks) })
      return insert(`${COMPUTE}/images/${name}`, 'Microsoft.Compute/images', 'eastus', properties, hidden)
    },
  }
}
