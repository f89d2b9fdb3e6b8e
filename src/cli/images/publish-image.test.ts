import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
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

test('who no longer waits for a version is told that the server goes on with it', async () => {
  const interrupt = new AbortController()
  const arm = {
    async put(id: string) {
      if (!id.endsWith('/versions/1.0.0')) return {}
      interrupt.abort()
      throw interrupt.signal.reason
    },
    act: async () => ({ accessSAS: 'https://signed' }),
    find: async () => undefined,
  }
  const https = { send: async () => ({ status: 201, headers: {}, body: Buffer.alloc(0) }) }
  const admin = { bytesOfDisk: async () => ({}) }
  const client = { arm, https, admin, clock: systemClock } as unknown as Client
  const watch = { uploading() {}, uploaded() {}, replicating() {}, signal: interrupt.signal }
  await assert.rejects(
    publishImage(client, order, bytesOf(Buffer.alloc(4096, 1)), watch),
    (error: LeftBehind) => error instanceof LeftBehind && /goes on with .*\/versions\/1\.0\.0/.test(error.left),
  )
})
