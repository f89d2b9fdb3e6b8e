import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createResourceManager } from '#arm/arm.ts'
import { authoriseBy } from '#arm/authorise.ts'
import { azureRegion } from '#arm/azure-regions.ts'
import { generousLimits, makeRateLimiter } from '#arm/rate-limit.ts'
import type { Registry } from '#arm/registry.ts'
import type { Arm, ArmRequest, ArmResponse, Caller, Provider } from '#arm/resource-type.ts'
import { type OpenBlobs, openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { nodeFiles } from '#foundation/files.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openOperations } from '#operations/operation-engine.ts'
import type { Operations } from '#operations/operations.ts'
import { providersOf } from '#providers/index.ts'
import { subscriptionDocument } from '#providers/Microsoft.Resources/subscriptions/subscription.ts'
import type { Json } from '#resources/resource-document.ts'
import { openResources } from '#resources/stored-resources.ts'
import { isTransient } from '../../src/is-transient.ts'

export const SUBSCRIPTION = '11111111-1111-4111-8111-111111111111'
export const TENANT = '22222222-2222-4222-8222-222222222222'

/** The owner of the test's subscription. */
export const OWNER: Caller = {
  tenantId: TENANT,
  objectId: '33333333-3333-4333-8333-333333333333',
  clientId: '44444444-4444-4444-8444-444444444444',
  displayName: 'owner',
  kind: 'Application',
}

export interface TestArmOptions {
  /** Short names; a name with `:2` has two stores. Default: eastus, westus2, westeurope, southeastasia. */
  readonly regions?: readonly string[]
  readonly allowedVhdHosts?: readonly string[]
  /** More providers than the product's. */
  readonly providers?: readonly Provider[]
  readonly log?: Log
}

/** The control plane over real regions in a temporary folder, without HTTP and tokens. Time stands still until it is advanced. */
export interface TestArm {
  readonly arm: Arm
  readonly clock: FakeClock
  readonly regions: Regions
  readonly blobs: OpenBlobs
  readonly operations: Operations
  readonly registry: Registry
  readonly folder: string
  /** `path` may begin behind the subscription: `resourceGroups/rg`. */
  send(
    method: ArmRequest['method'],
    path: string,
    body?: Json,
    query?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<TestAnswer>
  /** Sends and waits for the operation; the final answer. */
  complete(
    method: ArmRequest['method'],
    path: string,
    body?: Json,
    query?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<TestAnswer>
  as(caller: Caller): Pick<TestArm, 'send' | 'complete'>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers as a client without types does
export type TestAnswer = Omit<ArmResponse, 'body'> & { body: any }

export const startTestArm = async (options: TestArmOptions = {}): Promise<TestArm> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-arm-'))
  const clock = new FakeClock()
  const log = options.log ?? silentLog
  const database = openSqlite(':memory:')
  const names = options.regions ?? ['eastus', 'westus2', 'westeurope', 'southeastasia']
  const settings = names.map(name => regionOf(name, folder))
  const workers = hashInThread()
  const shared = { clock, log, random: systemRandom, files: nodeFiles, database, workers }
  const regions = await openRegions(settings, shared)
  const blobs = await openBlobs({
    ...shared,
    regions,
    host: '127.0.0.1',
    port: 0,
    tls: trustedTestCertificate(),
    signingKey: Buffer.alloc(32, 7),
  })
  const resources = await openResources(database)
  const operations = await openOperations({ ...shared, isTransient })
  await seedSubscription(database, resources, clock)
  const { arm, registry } = createResourceManager({
    ...shared,
    resources,
    operations,
    locations: settings.map(({ name }) => ({ name, displayName: azureRegion(name)?.displayName ?? name })),
    providers: registry => [
      ...providersOf({
        registry,
        regions,
        blobs,
        log,
        allowedVhdHosts: options.allowedVhdHosts ?? [],
        tenants: async () => [{ tenantId: TENANT, displayName: 'Test' }],
      }),
      ...(options.providers ?? []),
    ],
    authenticate: async () => OWNER,
    authorise: authoriseBy([{ objectId: OWNER.objectId, scopeKey: `/subscriptions/${SUBSCRIPTION}`, role: 'Owner' }]),
    limit: makeRateLimiter(generousLimits, clock),
  })
  await operations.start()
  return {
    arm,
    clock,
    regions,
    blobs,
    operations,
    registry,
    folder,
    as: caller => senders(arm, caller),
    ...senders(arm, OWNER),
    async close() {
      await operations.stop(1000)
      await blobs.close()
      await regions.close()
      await workers.close()
      await database.close()
      await fs.rm(folder, { recursive: true, force: true })
    },
  }
}

const senders = (arm: Arm, caller: Caller): Pick<TestArm, 'send' | 'complete'> => {
  const request = (
    method: ArmRequest['method'],
    path: string,
    body?: Json,
    query: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) => ({
    method,
    path: path.startsWith('/') ? path : `/subscriptions/${SUBSCRIPTION}/${path}`,
    apiVersion: query['api-version'] ?? '2025-12-03',
    query,
    headers,
    ...(body === undefined ? {} : { body }),
    caller,
    origin: 'https://127.0.0.1:9443',
  })
  return {
    send: async (...call) => (await arm.send(request(...call))) as TestAnswer,
    complete: async (...call) => (await arm.complete(request(...call))) as TestAnswer,
  }
}

const regionOf = (spec: string, folder: string) => {
  const [name = '', count = '1'] = spec.split(':')
  const stores = Array.from(
    { length: Number(count) },
    (_, index) => pathToFileURL(path.join(folder, 'regions', `${name}-${index}`)).href,
  )
  return { name, stores }
}

const seedSubscription = (
  database: Database,
  resources: Awaited<ReturnType<typeof openResources>>,
  clock: FakeClock,
): Promise<void> =>
  database.transact(transaction =>
    resources.insert(
      transaction,
      subscriptionDocument(SUBSCRIPTION, TENANT, 'Test', { now: clock.now(), uuid: systemRandom.uuid }),
    ),
  )
