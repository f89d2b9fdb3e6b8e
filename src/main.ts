import type * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createResourceManager } from '#arm/arm.ts'
import { authenticateWith } from '#arm/authenticate.ts'
import { authoriseBy } from '#arm/authorise.ts'
import { azureRegion } from '#arm/azure-regions.ts'
import { makeHttpServer } from '#arm/http-server.ts'
import { metadataRoutes } from '#arm/metadata.ts'
import { makeRateLimiter } from '#arm/rate-limit.ts'
import { openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { adoptEmptyStore, openKnownStores } from '#data-plane/replication/known-stores.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { nodeFiles } from '#foundation/files.ts'
import { lockFolder } from '#foundation/lock-file.ts'
import { systemRandom } from '#foundation/random.ts'
import { prepareCertificates } from '#identity/certificates.ts'
import { prepareIdentity } from '#identity/first-start.ts'
import { openIdentity } from '#identity/identity.ts'
import { identityRoutes } from '#identity/routes.ts'
import { openOperations } from '#operations/operation-engine.ts'
import { providersOf } from '#providers/index.ts'
import { openAccounts } from '#providers/Microsoft.Storage/storageAccounts/keep-account.ts'
import { openResources } from '#resources/stored-resources.ts'
import { type Config, knownStoresFile } from './config.ts'
import { announce, grantKey, keepSubscription, withdraw } from './data-folder.ts'
import { every } from './every.ts'
import { imageRoutes } from './installation/image-routes.ts'
import { NbdExports } from './installation/nbd-exports.ts'
import { installationRoutes } from './installation/routes.ts'
import { isTransient } from './is-transient.ts'
import { startScrub } from './scrub-stores.ts'
import { startUpkeep } from './upkeep.ts'

/** A server that answers. */
export interface RunningServer {
  /** The ARM endpoint, without trailing slash. */
  readonly url: string
  /** The Blob endpoint, without trailing slash. */
  readonly blobUrl: string
  readonly dataFolder: string
  readonly admin: {
    readonly tenantId: string
    readonly subscriptionId: string
    readonly clientId: string
    /** There while `admin.json` is. */
    readonly clientSecret?: string
  }
  /** True at the very first start of a data folder: the secret is to be shown now. */
  readonly firstStart: boolean
  /** Ends what is under way within `drainMs`, leaves the rest to the next start, and lets go of the folder. */
  stop(): Promise<void>
}

/** The whole product: data folder -> stores -> providers -> endpoints. Throws `FolderLocked` when another process has the folder. */
export const startServer = async (config: Config): Promise<RunningServer> => {
  const { dataFolder, clock, log } = config
  const startedAt = clock.now().toISOString()
  const undo: (() => unknown)[] = [lockFolder(dataFolder)]
  const later = <T>(made: T, close: (made: T) => unknown): T => {
    undo.push(() => close(made))
    return made
  }
  const stop = async () => {
    for (const close of undo.splice(0).reverse()) await close()
  }
  try {
    const database = later(openSqlite(path.join(dataFolder, 'metadata.sqlite')), database => database.close())
    const workers = later(startHashWorkers(), workers => workers.close())
    const shared = { clock, log, random: systemRandom, files: nodeFiles, database, workers }

    let origin = ''
    const identity = await openIdentity({ ...shared, origins: () => [origin, ...aliases(config, origin)] })
    const admin = await prepareIdentity(dataFolder, { ...shared, identity })
    const hosts = [publicHost(config), ...config.hostNames]
    const certificates = () => prepareCertificates(dataFolder, hosts, { ...shared, clock: systemClock })
    const tls = await certificates()
    let certificate: { key: string; cert: string } = tls

    const known = await openKnownStores(nodeFiles, knownStoresFile(dataFolder))
    for (const url of config.adoptEmptyStores)
      if (await adoptEmptyStore(known, nodeFiles, url)) log.warn('An empty folder becomes a new store.', { store: url })
    const { reserveBytes, replicationBytesPerSecond } = config
    const opened = await openRegions(config.regions, { ...shared, known, reserveBytes, replicationBytesPerSecond })
    const regions = later(opened, regions => regions.close())
    const signingKey = await grantKey(dataFolder)
    const blobs = later(
      await openBlobs({
        ...shared,
        regions,
        host: config.host,
        publicHost: publicHost(config),
        port: config.blobPort,
        tls,
        signingKey,
      }),
      blobs => blobs.close(),
    )
    const resources = await openResources(database)
    const operations = later(await openOperations({ ...shared, isTransient }), operations =>
      operations.stop(config.drainMs),
    )
    await keepSubscription(resources, database, admin, startedAt)
    await openAccounts(resources, blobs)

    const manager = createResourceManager({
      ...shared,
      resources,
      operations,
      locations: config.regions.map(({ name, displayName }) => ({
        name,
        displayName: displayName ?? azureRegion(name)?.displayName ?? name,
      })),
      providers: registry =>
        providersOf({
          registry,
          regions,
          blobs,
          log,
          allowedVhdHosts: config.allowedVhdHosts,
          tenants: () => identity.directory.tenants(),
        }),
      authenticate: authenticateWith(identity),
      authorise: authoriseBy([
        { objectId: admin.objectId, scopeKey: `/subscriptions/${admin.subscriptionId}`.toLowerCase(), role: 'Owner' },
      ]),
      limit: makeRateLimiter(config.rateLimits, clock),
    })
    const listening = Promise.withResolvers<void>()
    const upkeep = later(
      startUpkeep({
        ...shared,
        arm: manager.arm,
        regions,
        intervalMs: config.reconcileIntervalMs,
        begin: listening.promise,
      }),
      upkeep => upkeep.stop(),
    )
    const { scrubIntervalMs: intervalMs, scrubBytesPerSecond: bytesPerSecond } = config
    later(startScrub({ ...shared, regions, intervalMs, bytesPerSecond }), scrub => scrub.stop())
    await operations.start()

    const authenticate = authenticateWith(identity)
    const nbdExports = new NbdExports({ ...shared, dataFolder, certificate: () => certificate, origin: () => origin })
    const app = await makeHttpServer({
      ...shared,
      tls,
      authenticate: authenticateWith(identity),
      handle: manager.handle,
      origin: () => origin,
      open: [
        metadataRoutes(() => ({ origin, storageSuffix: 'blob.opengallery' })),
        identityRoutes(identity) as (app: FastifyInstance, options: object) => unknown,
        installationRoutes({
          ...shared,
          arm: manager.arm,
          regions,
          upkeep,
          dataFolder,
          startedAt,
          authenticate: authenticateWith(identity),
          subscriptionId: admin.subscriptionId,
          nbdExports,
          origin: () => origin,
        }),
        imageRoutes({ ...shared, arm: manager.arm, regions, authenticate, origin: () => origin }),
      ],
    })
    await later(app, app => app.close()).listen({ host: config.host, port: config.port })
    later(nbdExports, exports => exports.close()) // their answers last as long as they do: `app.close` waits for those
    const renewal = every(systemClock, DAY_MS, log, async () => {
      const renewed = await certificates()
      certificate = renewed
      ;(app.server as unknown as https.Server).setSecureContext(renewed)
      blobs.useCertificate(renewed)
    })
    later(renewal, renewal => renewal.stop())
    const host = urlHost(publicHost(config))
    origin = `https://${host}:${(app.server.address() as AddressInfo).port}`
    const blobUrl = `https://${host}:${blobs.port}`
    await announce(dataFolder, { url: origin, blobUrl })
    listening.resolve()
    later(undefined, () => withdraw(dataFolder))
    return { url: origin, blobUrl, dataFolder, admin, firstStart: admin.isNew, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const DAY_MS = 24 * 3600 * 1000

/** Under which name clients reach a server that listens at every address. */
const publicHost = (config: Config): string =>
  ['0.0.0.0', '::'].includes(config.host) ? (config.hostNames[0] ?? os.hostname()) : config.host

const urlHost = (host: string) => (host.includes(':') ? `[${host}]` : host)

/** The server's other names; a token says under which one it was asked for. */
const aliases = (config: Config, origin: string): string[] =>
  origin === ''
    ? []
    : ['localhost', ...config.hostNames].map(name => `https://${urlHost(name)}:${new URL(origin).port}`)
