import assert from 'node:assert/strict'
import * as path from 'node:path'
import { type Database, openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'
import { type FuzzClient, fuzzClient } from './fuzz-client.ts'

interface Tables {
  resource: { key: string; document: string }
  operation: { status: string }
}

/** A server with one resource of every kind, and a look behind it. */
export interface FuzzWorld {
  readonly server: TestServer
  readonly client: FuzzClient
  readonly group: string
  /** A path of every kind of resource, and a body with which it can be made. */
  readonly samples: readonly Sample[]
  /** Makes again what is missing. */
  prepare(): Promise<void>
  /** Every stored document, once no operation runs any more. */
  documents(): Promise<string>
  close(): Promise<void>
}

export interface Sample {
  readonly type: string
  readonly path: string
  readonly body: object
}

const API = 'api-version=2025-12-03'

export const startFuzzWorld = async (): Promise<FuzzWorld> => {
  const faults: string[] = []
  const keepFault = (message: string, fields: Record<string, unknown> = {}) => {
    const fault = fields.error ?? fields.fault
    faults.push(`${message}: ${fault instanceof Error ? fault.stack : fault}`)
  }
  const server = await startTestServer({ rateLimits: unlimited, log: { ...silentLog, error: keepFault } })
  const client = fuzzClient(server, faults)
  const database = openSqlite(path.join(server.dataFolder, 'metadata.sqlite'))
  const group = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/fuzz`
  const samples = samplesIn(group)
  const prepare = async () => {
    for (const sample of samples) {
      const found = await client.send({ method: 'GET', path: `${sample.path}?${API}` })
      if (found.json?.properties?.provisioningState === 'Succeeded') continue
      if (found.status === 200) await client.send({ method: 'DELETE', path: `${sample.path}?${API}` })
      await ended(database)
      const made = await client.send({
        method: 'PUT',
        path: `${sample.path}?${API}`,
        body: JSON.stringify(sample.body),
      })
      assert.ok(made.status < 300, `${sample.path}: ${made.text}`)
      await ended(database)
    }
  }
  await prepare()
  return {
    server,
    client,
    group,
    samples,
    prepare,
    async documents() {
      await ended(database)
      const rows = await database.as<Tables>().selectFrom('resource').select('document').orderBy('key').execute()
      return rows.map(row => row.document).join('\n')
    },
    async close() {
      client.close()
      await database.close()
      await server.stop()
    },
  }
}

const much = { burst: 1e9, perSecond: 1e9 }
const unlimited = { reads: much, writes: much, deletes: much, strangers: much }

/** Waits until no operation is under way; one that never ends fails the test. */
const ended = async (database: Database): Promise<void> => {
  const untilMs = performance.now() + 30_000
  for (;;) {
    const query = database.as<Tables>().selectFrom('operation').select('status').where('status', '=', 'InProgress')
    if ((await query.execute()).length === 0) return
    assert.ok(performance.now() < untilMs, 'An operation does not end.')
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** In the order in which they need each other. */
const samplesIn = (group: string): Sample[] => {
  const compute = `${group}/providers/Microsoft.Compute`
  const location = 'eastus'
  const plan = { name: 'n', publisher: 'p', product: 'o' }
  const copyOf = (id: string) => ({ createOption: 'Copy', sourceResourceId: id })
  return [
    { type: 'Microsoft.Resources/subscriptions/resourceGroups', path: group, body: { location, tags: { a: 'b' } } },
    {
      type: 'Microsoft.Compute/disks',
      path: `${compute}/disks/disk`,
      body: {
        location,
        tags: { a: 'b' },
        sku: { name: 'Standard_LRS' },
        properties: {
          creationData: { createOption: 'Empty' },
          diskSizeGB: 1,
          osType: 'Linux',
          hyperVGeneration: 'V1',
          networkAccessPolicy: 'AllowAll',
          purchasePlan: plan,
          supportedCapabilities: { architecture: 'x64' },
        },
      },
    },
    {
      type: 'Microsoft.Compute/snapshots',
      path: `${compute}/snapshots/snapshot`,
      body: { location, properties: { creationData: copyOf(`${compute}/disks/disk`), incremental: true } },
    },
    {
      type: 'Microsoft.Compute/images',
      path: `${compute}/images/managed`,
      body: {
        location,
        properties: {
          hyperVGeneration: 'V1',
          storageProfile: {
            osDisk: {
              osType: 'Linux',
              osState: 'Generalized',
              snapshot: { id: `${compute}/snapshots/snapshot` },
              caching: 'ReadOnly',
            },
            dataDisks: [{ lun: 0, snapshot: { id: `${compute}/snapshots/snapshot` } }],
          },
        },
      },
    },
    {
      type: 'Microsoft.Compute/galleries',
      path: `${compute}/galleries/gallery`,
      body: { location, properties: { description: 'x', identifier: {} } },
    },
    {
      type: 'Microsoft.Compute/galleries/images',
      path: `${compute}/galleries/gallery/images/definition`,
      body: {
        location,
        properties: {
          osType: 'Linux',
          osState: 'Generalized',
          hyperVGeneration: 'V1',
          identifier: { publisher: 'p', offer: 'o', sku: 's' },
          recommended: { vCPUs: { min: 1, max: 4 }, memory: { min: 1, max: 16 } },
          disallowed: { diskTypes: ['Standard_LRS'] },
          purchasePlan: plan,
          features: [{ name: 'IsAcceleratedNetworkSupported', value: 'False' }],
        },
      },
    },
    {
      type: 'Microsoft.Compute/galleries/images/versions',
      path: `${compute}/galleries/gallery/images/definition/versions/1.0.0`,
      body: {
        location,
        properties: {
          publishingProfile: { targetRegions: [{ name: 'eastus', regionalReplicaCount: 1 }] },
          storageProfile: { osDiskImage: { source: { id: `${compute}/snapshots/snapshot` } } },
        },
      },
    },
    {
      type: 'Microsoft.Storage/storageAccounts',
      path: `${group}/providers/Microsoft.Storage/storageAccounts/fuzzaccount`,
      body: { location, sku: { name: 'Standard_LRS' }, kind: 'StorageV2', properties: {} },
    },
  ]
}
