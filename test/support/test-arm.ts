import { generateKeyPairSync } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Access, openAccess } from '#access/access.ts'
import { followedResources } from '#access/followed-resources.ts'
import type { ActivityLog } from '#activity/activity-log.ts'
import { openActivityLog } from '#activity/open-activity-log.ts'
import { createResourceManager } from '#arm/arm.ts'
import { azureRegion } from '#arm/azure-regions.ts'
import { generousLimits, makeRateLimiter } from '#arm/rate-limit.ts'
import type { Registry } from '#arm/registry.ts'
import type { Arm, ArmRequest, ArmResponse, Caller, Provider } from '#arm/resource-type.ts'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import { type OpenBlobs, openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import type { Catalog } from '#data-plane/catalog/catalog.ts'
import { openCatalog } from '#data-plane/catalog/open-catalog.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { MemoryMachines } from '#data-plane/machines/memory-machines.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { nodeFiles } from '#foundation/files.ts'
import { type Ipv4Range, parseIpv4Range } from '#foundation/ipv4.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { openOperations } from '#operations/operation-engine.ts'
import type { Operations } from '#operations/operations.ts'
import { openImageKeys } from '#provenance/image-keys.ts'
import { providersOf } from '#providers/index.ts'
import type { AuthorizationParts } from '#providers/Microsoft.Authorization/provider.ts'
import type { SigningParts } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { defaultMachineLimits, type MachineLimits } from '#providers/Microsoft.Compute/machine-hosting.ts'
import { openDeployments } from '#providers/Microsoft.Resources/deployments/deployment-store.ts'
import type { Json } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { openResources } from '#resources/stored-resources.ts'
import { keepOwner } from '../../src/data-folder.ts'
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

/** Somebody with a subscription of their own, and every right in it. */
export interface Neighbour {
  readonly caller: Caller
  readonly subscriptionId: string
  /** They have every right wherever the tenant itself is asked for one. */
  readonly isOfTenant?: true
}

export interface TestArmOptions {
  /** Others of the installation, of the owner's tenant or of another one. */
  readonly neighbours?: readonly Neighbour[]
  /** Short names; a name with `:2` has two stores. Default: eastus, westus2, westeurope, southeastasia. */
  readonly regions?: readonly string[]
  readonly allowedVhdHosts?: readonly string[]
  /** Where managed identities are kept; in memory by default. */
  readonly identities?: ManagedIdentities
  /** Where public IP addresses come from. */
  readonly publicAddresses?: string
  /** Who has an object id: by default everybody is a service principal of the tenant. */
  readonly findPrincipal?: AuthorizationParts['findPrincipal']
  readonly groupsOf?: (objectId: string) => readonly string[]
  /** More providers than the product's. */
  readonly providers?: readonly Provider[]
  readonly log?: Log
  readonly machineLimits?: Partial<MachineLimits>
  /** Bytes of versions that are not signed are not used. */
  readonly requireSigned?: boolean
}

/** The control plane over real regions in a temporary folder, without HTTP and tokens. Time stands still until it is advanced. */
export interface TestArm {
  readonly arm: Arm
  readonly clock: FakeClock
  readonly regions: Regions
  readonly blobs: OpenBlobs
  readonly catalog: Catalog
  readonly machines: MemoryMachines
  readonly operations: Operations
  readonly signing: SigningParts
  readonly registry: Registry
  readonly access: Access
  readonly activityLog: ActivityLog
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
  const catalog = await openCatalog({ ...shared, dataFolder: folder, regions })
  const machines = new MemoryMachines({ clock })
  const hosting = {
    machines,
    hostBoot: async () => 'boot',
    diagnosticsUrl: (origin: string, vmId: string, kind: string) => `${origin}/${vmId}/${kind}`,
    limits: { ...defaultMachineLimits, ...options.machineLimits },
  }
  const access = await openAccess({ ...shared, groupsOf: options.groupsOf ?? (() => []) })
  const resources = await followedResources(withShortPages(await openResources(database)), access)
  const operations = await openOperations({ ...shared, isTransient })
  const deployments = await openDeployments({ ...shared, key: Buffer.alloc(32, 9) })
  const imageKeys = await openImageKeys(path.join(folder, 'image-keys.json'), shared)
  const signing = { imageKeys, productVersion: 'test', requireSigned: options.requireSigned ?? false }
  const activityLog = await openActivityLog({ ...shared, key: generateKeyPairSync('ed25519').privateKey })
  const neighbours = options.neighbours ?? []
  for (const { caller, subscriptionId } of [{ caller: OWNER, subscriptionId: SUBSCRIPTION }, ...neighbours])
    await seedSubscription(database, resources, clock, subscriptionId, caller.tenantId)
  await keepOwner(access, database, { ...OWNER, subscriptionId: SUBSCRIPTION })
  await database.transact(async transaction => {
    for (const { caller, subscriptionId, isOfTenant } of neighbours) {
      const scope = isOfTenant ? '' : `/subscriptions/${subscriptionId}`
      await access.seedOwner(transaction, { ...caller, principalType: 'ServicePrincipal' }, scope)
    }
  })
  const { arm, registry } = createResourceManager({
    ...shared,
    activityLog,
    resources,
    operations,
    locations: settings.map(({ name }) => ({ name, displayName: azureRegion(name)?.displayName ?? name })),
    providers: registry => [
      ...providersOf({
        registry,
        regions,
        blobs,
        catalog,
        log,
        hosting,
        deployments,
        activityLog,
        allowedVhdHosts: options.allowedVhdHosts ?? [],
        signing,
        identities: options.identities ?? memoryIdentities(),
        publicAddresses: parseIpv4Range(options.publicAddresses ?? '127.10.0.0/16') as Ipv4Range,
        tenants: async () => [{ tenantId: TENANT, displayName: 'Test', domains: ['test.local'] }],
        access,
        homeSubscriptionId: SUBSCRIPTION,
        findPrincipal: options.findPrincipal ?? (async () => ({ tenantId: TENANT, type: 'ServicePrincipal' })),
      }),
      ...(options.providers ?? []),
    ],
    authenticate: async () => OWNER,
    access,
    limit: makeRateLimiter(generousLimits, clock),
  })
  await operations.start()
  return {
    arm,
    clock,
    machines,
    regions,
    blobs,
    catalog,
    operations,
    signing,
    registry,
    access,
    activityLog,
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

/** A page has one document unless its reader says how many: whoever takes the first page for everything is found out. */
const withShortPages = (resources: Resources): Resources => ({
  ...resources,
  list: (selection, transaction) => resources.list({ limit: 1, ...selection }, transaction),
})

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
  subscriptionId: string,
  tenantId: string,
): Promise<void> =>
  database.transact(transaction =>
    resources.insert(
      transaction,
      subscriptionDocument(subscriptionId, tenantId, 'Test', { now: clock.now(), uuid: systemRandom.uuid }),
    ),
  )
