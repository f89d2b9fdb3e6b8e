import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { ArmRefused } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { LeftBehind } from '../failure.ts'
import { type PublishOrder, publishImage } from './publish-image.ts'

const order: PublishOrder = {
  place: { subscriptionId: 'S', group: 'g', gallery: 'c', definition: 'web' },
  definition: { location: 'eastus', osType: 'Linux', hyperVGeneration: 'V2' },
  version: '1.0.0',
  location: 'eastus',
  regions: [{ name: 'eastus', regionalReplicaCount: 1 }],
}

/** A server that takes the bytes, and then does with the version what `put` does. */
const clientWith = (put: () => never, replication?: object[]): Client => {
  const arm = {
    put: async (id: string) => (id.endsWith('/versions/1.0.0') ? put() : {}),
    act: async () => ({ accessSAS: 'https://signed' }),
    find: async () => replication && { properties: { replicationStatus: { summary: replication } } },
  }
  const https = { send: async () => ({ status: 201, headers: {}, body: Buffer.alloc(0) }) }
  const admin = { bytesOfDisk: async () => ({}) }
  return { arm, https, admin, clock: systemClock } as unknown as Client
}

const image = bytesOf(Buffer.alloc(4096, 1))
const silent = { uploading() {}, uploaded() {}, replicating() {} }

test('who no longer waits for a version is told that the server goes on with it', async () => {
  const interrupt = new AbortController()
  const client = clientWith(() => {
    interrupt.abort()
    throw interrupt.signal.reason
  })
  await assert.rejects(
    publishImage(client, order, image, { ...silent, signal: interrupt.signal }),
    (error: LeftBehind) => error instanceof LeftBehind && /goes on with .*\/versions\/1\.0\.0/.test(error.left),
  )
})

test('where a version is, and that the server goes on, is told when a region can not be reached', async () => {
  const failed = new ArmRefused(409, 'GalleryReplicationFailed', 'Gallery replication jobs failed.')
  const client = clientWith(() => {
    throw failed
  }, [
    { region: 'East US', state: 'Completed' },
    { region: 'West Europe', state: 'Failed' },
  ])
  await assert.rejects(publishImage(client, order, image, silent), (error: LeftBehind) => {
    assert.match(error.left, /1\.0\.0 is there in East US\. The server brings it by itself/)
    return error.message === failed.message
  })
})
