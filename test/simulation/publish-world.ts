import { createResourceManager } from '#arm/arm.ts'
import { authoriseBy } from '#arm/authorise.ts'
import { generousLimits, makeRateLimiter } from '#arm/rate-limit.ts'
import type { ArmRequest } from '#arm/resource-type.ts'
import { openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { type Random, seededRandom } from '#foundation/random.ts'
import { openOperations } from '#operations/operation-engine.ts'
import type { Operations } from '#operations/operations.ts'
import { providersOf } from '#providers/index.ts'
import { subscriptionDocument } from '#providers/Microsoft.Resources/subscriptions/subscription.ts'
import type { Json } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { openResources } from '#resources/stored-resources.ts'
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
export interface World {
  readonly regions: Regions
  readonly operations: Operations
  readonly resources: Resources
  readonly upkeep: Upkeep
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
  const resources = await openResources(database)
  const operations = await openOperations({ ...shared, isTransient })
  await keepSubscription(resources, database, machine)
  const { arm } = createResourceManager({
    ...shared,
    resources,
    operations,
    locations: settings.map(({ name }) => ({ name, displayName: name })),
    providers: registry => providersOf({ registry, regions, blobs, log, allowedVhdHosts: [], tenants: async () => [] }),
    authenticate: async () => OWNER,
    authorise: authoriseBy([{ objectId: OWNER.objectId, scopeKey: `/subscriptions/${SUBSCRIPTION}`, role: 'Owner' }]),
    limit: makeRateLimiter(generousLimits, clock),
  })
  const upkeep = startUpkeep({ ...shared, arm, regions, intervalMs: 1e6 * HOUR_MS })
  opened(() => upkeep.stop())
  if (isTended) await upkeep.round()
  await operations.start()
  return {
    regions,
    operations,
    resources,
    upkeep,
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
