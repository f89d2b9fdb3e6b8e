import { generateKeyPairSync } from 'node:crypto'
import { openAccess } from '#access/access.ts'
import { followedResources } from '#access/followed-resources.ts'
import type { ActivityLog } from '#activity/activity-log.ts'
import { openActivityLog } from '#activity/open-activity-log.ts'
import { createResourceManager } from '#arm/arm.ts'
import { generousLimits, makeRateLimiter } from '#arm/rate-limit.ts'
import type { ArmRequest } from '#arm/resource-type.ts'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import { openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { openCatalog } from '#data-plane/catalog/open-catalog.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { type Random, seededRandom } from '#foundation/random.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { openOperations } from '#operations/operation-engine.ts'
import type { Operations } from '#operations/operations.ts'
import { openImageKeys } from '#provenance/image-keys.ts'
import { providersOf } from '#providers/index.ts'
import type { SigningParts } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { testHosting } from '#providers/Microsoft.Compute/test-hosting.ts'
import { openDeployments } from '#providers/Microsoft.Resources/deployments/deployment-store.ts'
import type { Json } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { openResources } from '#resources/stored-resources.ts'
import { keepOwner } from '../../src/data-folder.ts'
import { isTransient } from '../../src/is-transient.ts'
import { startUpkeep, type Upkeep } from '../../src/upkeep.ts'
import { OWNER, SUBSCRIPTION, TENANT, type TestAnswer } from '../support/test-arm.ts'
import { CrashingDatabase } from './crashing-database.ts'
import { Crashed, CrashingDisk } from './crashing-files.ts'

/** The stores of each region. */
export const STORES = {
  eastus: ['/eastus'],
  westus2: ['/westus2-a', '/westus2-b'],
  westeurope: ['/westeurope'],
  southeastasia: ['/southeastasia'],
} as const

const tls = trustedTestCertificate()
const HOUR_MS = 3_600_000
const activityKey = generateKeyPairSync('ed25519').privateKey

/** What outlives a process: the disk, the database on it, and time. */
export class Machine {
  readonly disk: CrashingDisk
  readonly database: CrashingDatabase
  readonly clock = new FakeClock()
  readonly random: Random & { next(): number }
  readonly #real = openSqlite(':memory:')

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashingDisk(this.random.next)
    this.database = new CrashingDatabase(this.#real, this.disk)
  }

  /** Runs work of the present process; throws `Crashed` as soon as that has died, whatever the work may still wait for. */
  async whileAlive<T>(work: () => Promise<T>): Promise<T> {
    const died = Promise.withResolvers<never>()
    died.promise.catch(() => {})
    this.disk.onDeath = () => died.reject(new Crashed('The process died.'))
    try {
      return await Promise.race([work(), died.promise])
    } catch (error) {
      throw this.disk.isDead ? new Crashed('The process died.', { cause: error }) : error
    }
  }

  /** Every row of a table, as the database has it. */
  rows(table: string): Promise<Record<string, unknown>[]> {
    return this.#real.as<Record<string, Record<string, unknown>>>().selectFrom(table).selectAll().execute()
  }

  close(): Promise<void> {
    return this.#real.close()
  }
}

/** One process: the product as `main.ts` puts it together, without HTTP and tokens. */
/** What signs versions outlives everything else. */
export const KEYS = '/keys/image-keys.json'

export interface World {
  readonly regions: Regions
  readonly operations: Operations
  readonly resources: Resources
  readonly activityLog: ActivityLog
  readonly upkeep: Upkeep
  readonly signing: SigningParts
  /** `path` may begin behind the resource group. */
  send(method: ArmRequest['method'], path: string, body?: Json, query?: Record<string, string>): Promise<TestAnswer>
  /** Ends the process in good order. */
  close(): Promise<void>
}

/**
 * Starts a process on the machine. `opened` is told what is to be closed even when the process dies. With `isTended` a whole round of
 * upkeep comes before the work that a former process left: nothing says which of the two is faster.
 */
export const startWorld = async (
  machine: Machine,
  opened: (close: () => Promise<void>) => void,
  isTended: boolean,
): Promise<World> => {
  const { clock, random } = machine
  const database = machine.database.open()
  const log = silentLog
  const shared = { clock, log, random, files: machine.disk.files(), database, workers: hashInThread() }
  const settings = Object.entries(STORES).map(([name, folders]) => ({
    name,
    stores: folders.map(at => `file://${at}`),
  }))
  const regions = await openRegions(settings, shared)
  const blobs = await openBlobs({
    ...shared,
    regions,
    host: '127.0.0.1',
    port: 0,
    tls,
    signingKey: Buffer.alloc(32, 7),
  })
  opened(() => blobs.close())
  const catalog = await openCatalog({ ...shared, dataFolder: '/catalog', regions })
  const access = await openAccess({ ...shared, groupsOf: () => [] })
  const resources = await followedResources(await openResources(database), access)
  await shared.files.makeFolder('/keys')
  const imageKeys = await openImageKeys(KEYS, shared)
  const signing = { imageKeys, productVersion: 'simulated', requireSigned: true }
  const operations = await openOperations({ ...shared, isTransient })
  const deployments = await openDeployments({ ...shared, key: Buffer.alloc(32, 9) })
  const activityLog = await openActivityLog({ ...shared, key: activityKey })
  await keepSubscription(resources, database, machine)
  await keepOwner(access, database, { ...OWNER, subscriptionId: SUBSCRIPTION })
  const { arm } = createResourceManager({
    ...shared,
    resources,
    operations,
    activityLog,
    locations: settings.map(({ name }) => ({ name, displayName: name })),
    providers: registry =>
      providersOf({
        registry,
        regions,
        blobs,
        catalog,
        log,
        hosting: testHosting(),
        deployments,
        signing,
        activityLog,
        allowedVhdHosts: [],
        identities: memoryIdentities(),
        publicAddresses: { first: 0, last: 0, prefixLength: 32 },
        tenants: async () => [],
        access,
        findPrincipal: async () => undefined,
        homeSubscriptionId: '',
      }),
    authenticate: async () => OWNER,
    access,
    limit: makeRateLimiter(generousLimits, clock),
  })
  const upkeep = startUpkeep({
    ...shared,
    arm,
    regions,
    catalog,
    blobs,
    intervalMs: 1e6 * HOUR_MS,
    lookIntervalMs: 1e6 * HOUR_MS,
  })
  opened(() => upkeep.stop())
  if (isTended) await upkeep.round()
  await operations.start()
  return {
    regions,
    operations,
    resources,
    activityLog,
    upkeep,
    signing,
    async send(method, path, body, query = {}) {
      const whole = path.startsWith('/subscriptions/')
        ? path
        : `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg${path}`
      const caller = { caller: OWNER, origin: 'https://127.0.0.1:9443' }
      const more = body === undefined ? {} : { body }
      return (await arm.send({
        method,
        path: whole,
        apiVersion: '2025-03-03',
        query,
        ...more,
        ...caller,
      })) as TestAnswer
    },
    async close() {
      await operations.stop(1000)
      await regions.close()
    },
  }
}

const keepSubscription = async (resources: Resources, database: Database, { clock, random }: Machine) => {
  const document = subscriptionDocument(SUBSCRIPTION, TENANT, 'Test', { now: clock.now(), uuid: random.uuid })
  if (await resources.find(document.key)) return
  await database.transact(transaction => resources.insert(transaction, document))
}
