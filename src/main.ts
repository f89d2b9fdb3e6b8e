import { createPrivateKey, X509Certificate } from 'node:crypto'
import * as fs from 'node:fs/promises'
import type * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { openAccess } from '#access/access.ts'
import { followedResources } from '#access/followed-resources.ts'
import { openActivityKey } from '#activity/activity-key.ts'
import { openActivityLog } from '#activity/open-activity-log.ts'
import { createResourceManager } from '#arm/arm.ts'
import { armCallerOf, authenticateWith } from '#arm/authenticate.ts'
import { azureRegion } from '#arm/azure-regions.ts'
import { makeHttpServer } from '#arm/http-server.ts'
import { metadataRoutes } from '#arm/metadata.ts'
import { limitStrangers, makeRateLimiter } from '#arm/rate-limit.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Caller } from '#arm/resource-type.ts'
import { openBlobs } from '#data-plane/blobs/open-blobs.ts'
import { aliasDocument } from '#data-plane/catalog/alias-document.ts'
import { openCatalog } from '#data-plane/catalog/open-catalog.ts'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { hostBootId } from '#data-plane/machines/guests.ts'
import type { AnswerMetadata } from '#data-plane/machines/machines.ts'
import { openMachines } from '#data-plane/machines/open-machines.ts'
import { adoptEmptyStore, openKnownStores } from '#data-plane/replication/known-stores.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { nodeFiles } from '#foundation/files.ts'
import { lockFolder } from '#foundation/lock-file.ts'
import { systemRandom } from '#foundation/random.ts'
import { graphRoutes } from '#graph/graph-routes.ts'
import { prepareCertificates } from '#identity/certificates.ts'
import { prepareIdentity } from '#identity/first-start.ts'
import { openIdentity } from '#identity/identity.ts'
import { managedIdentities } from '#identity/managed-identities.ts'
import { principalsOf } from '#identity/principal-types.ts'
import { identityRoutes } from '#identity/routes.ts'
import { signedMessage } from '#identity/signed-message.ts'
import { openOperations } from '#operations/operation-engine.ts'
import { openImageKeys } from '#provenance/image-keys.ts'
import { providersOf } from '#providers/index.ts'
import { metadataOf } from '#providers/Microsoft.Compute/virtualMachines/answer-metadata.ts'
import { openDeployments } from '#providers/Microsoft.Resources/deployments/deployment-store.ts'
import { openAccounts } from '#providers/Microsoft.Storage/storageAccounts/keep-account.ts'
import { openResources } from '#resources/stored-resources.ts'
import { watchedResources } from '#resources/watched-resources.ts'
import { startActivityRetention } from './activity-retention.ts'
import { closeWithin } from './close-within.ts'
import { type Config, knownStoresFile, publicAddressRange } from './config.ts'
import { announce, grantKey, keepOwner, keepSubscription, withdraw } from './data-folder.ts'
import { directoryActivity } from './directory-activity.ts'
import { every } from './every.ts'
import { bootDiagnosticsRoutes, diagnosticsUrl } from './installation/boot-diagnostics.ts'
import { bundleIdentity } from './installation/bundles/bundle-identity.ts'
import { bundledDisks } from './installation/bundles/bundled-disks.ts'
import { imageRoutes } from './installation/image-routes.ts'
import { NbdExports } from './installation/nbd-exports.ts'
import { provenanceRoute } from './installation/provenance-route.ts'
import { installationRoutes } from './installation/routes.ts'
import type { Owner } from './installation/tenants.ts'
import { uploadBaseRoute } from './installation/upload-base.ts'
import { versionRangesRoute } from './installation/version-ranges.ts'
import { isTransient } from './is-transient.ts'
import { type MachineUpkeep, startMachineUpkeep } from './machine-upkeep.ts'
import { imageKeysFile, regionAccess } from './region-access.ts'
import { closeDataFolder, requireSafeListening } from './safe-start.ts'
import { startScrub } from './scrub-stores.ts'
import { signInActivity } from './sign-in-activity.ts'
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
  /** What it answers, as method and path; ARM itself is one of them. */
  readonly routes: readonly string[]
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
    await closeDataFolder(dataFolder, log)
    const database = later(openSqlite(path.join(dataFolder, 'metadata.sqlite')), database => database.close())
    const workers = later(startHashWorkers(), workers => workers.close())
    const shared = { clock, log, random: systemRandom, files: nodeFiles, database, workers }

    const activityKey = await openActivityKey(nodeFiles, path.join(dataFolder, 'activity-log.key'))
    const activityLog = await openActivityLog({ ...shared, key: activityKey })
    let origin = ''
    const identity = await openIdentity({
      ...shared,
      origins: () => [origin, ...aliases(config, origin)],
      noteSignIn: signInActivity(activityLog, systemRandom),
      issuers: config.issuers,
      readCa: file => fs.readFile(file, 'utf8'),
    })
    const admin = await prepareIdentity(dataFolder, { ...shared, identity })
    requireSafeListening(config, admin.clientSecret)
    const hosts = [publicHost(config), ...config.hostNames]
    const certificates = () => prepareCertificates(dataFolder, hosts, { ...shared, clock: systemClock })
    const tls = await certificates()
    let certificate = tls

    const known = await openKnownStores(nodeFiles, knownStoresFile(dataFolder))
    for (const url of config.adoptEmptyStores)
      if (await adoptEmptyStore(known, nodeFiles, url)) log.warn('An empty folder becomes a new store.', { store: url })
    const { reserveBytes, replicationBytesPerSecond, separateCopies } = config
    const accessOf = regionAccess(dataFolder)
    const regionParts = { ...shared, known, reserveBytes, replicationBytesPerSecond, separateCopies, accessOf }
    const regions = later(await openRegions(config.regions, regionParts), regions => regions.close())
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
    const catalog = await openCatalog({ ...shared, dataFolder, regions })
    const { cores, memoryMiB, outwardNetwork } = config.machines
    // Guests that run since before this start may ask before there is anybody who knows.
    let metadata: AnswerMetadata = async () => ({ status: 503, contentType: 'application/json', body: '{}' })
    const machines = later(
      await openMachines({
        ...shared,
        folder: path.join(dataFolder, 'machines'),
        metadata: (vmId, request) => metadata(vmId, request),
        limits: { cores, memoryMiB, diskReserveBytes: reserveBytes },
        outwardNetwork,
      }),
      machines => machines.close(),
    )
    // Networks are written before there is anybody who looks after machines.
    let machineUpkeep: MachineUpkeep | undefined
    const access = await openAccess({ ...shared, groupsOf: identity.directory.groupsOf })
    const followed = await followedResources(await openResources(database), access)
    const resources = watchedResources(followed, key => machineUpkeep?.written(key))
    const hosting = {
      machines,
      hostBoot: hostBootId,
      diagnosticsUrl: diagnosticsUrl(signingKey),
      limits: config.machines,
    }
    const operations = later(await openOperations({ ...shared, isTransient }), operations =>
      operations.stop(config.drainMs),
    )
    await keepSubscription(resources, database, admin, startedAt)
    await keepOwner(access, database, admin)
    const deployments = await openDeployments({ ...shared, key: signingKey })
    later(startActivityRetention(activityLog, config), retention => retention.stop())
    await openAccounts(resources, blobs)

    const signing = {
      imageKeys: await openImageKeys(imageKeysFile(dataFolder), shared),
      productVersion: PRODUCT_VERSION,
      requireSigned: config.requireSigned,
    }
    const disks = bundledDisks()
    // Who may give roles over the whole tenant may make anybody in it anything.
    const administers = (caller: Caller) =>
      manager.arm.mayDo(caller, 'Microsoft.Authorization/roleAssignments/write', ResourceId.tenant)
    const makeOwner = (owner: Owner, scope: string) =>
      database.transact(transaction => access.seedOwner(transaction, owner, scope))
    const identities = managedIdentities(identity)
    const authenticate = limitStrangers(authenticateWith(identity), config.rateLimits.strangers, clock)
    const limit = makeRateLimiter(config.rateLimits, clock)
    const manager = createResourceManager({
      ...shared,
      resources,
      operations,
      activityLog,
      locations: config.regions.map(({ name, displayName }) => ({
        name,
        displayName: displayName ?? azureRegion(name)?.displayName ?? name,
      })),
      providers: registry =>
        providersOf({
          registry,
          regions,
          blobs,
          catalog,
          log,
          hosting,
          deployments,
          activityLog,
          allowedVhdHosts: config.allowedVhdHosts,
          publicAddresses: publicAddressRange(config.publicAddresses),
          identities,
          bundledDisk: disks.find,
          signing,
          tenants: () => identity.directory.tenants(),
          homeSubscriptionId: admin.subscriptionId,
          access,
          findPrincipal: principalsOf(identity),
        }),
      authenticate,
      access,
      limit,
    })
    metadata = metadataOf(manager.arm, message => signedBy(certificate, message), identities)
    const listening = Promise.withResolvers<void>()
    const upkeep = later(
      startUpkeep({
        ...shared,
        arm: manager.arm,
        regions,
        catalog,
        blobs,
        intervalMs: config.reconcileIntervalMs,
        lookIntervalMs: config.lookIntervalMs,
        begin: listening.promise,
      }),
      upkeep => upkeep.stop(),
    )
    const { scrubIntervalMs: intervalMs, scrubBytesPerSecond: bytesPerSecond } = config
    later(startScrub({ ...shared, regions, intervalMs, bytesPerSecond }), scrub => scrub.stop())
    await operations.start()
    machineUpkeep = later(
      startMachineUpkeep({ ...shared, arm: manager.arm, regions, hosting, intervalMs: config.machines.lookIntervalMs }),
      upkeep => upkeep.stop(),
    )

    const nbdExports = new NbdExports({ ...shared, dataFolder, certificate: () => certificate, origin: () => origin })
    const routes: string[] = []
    const app = await makeHttpServer({
      routeMade: route => void routes.push(route),
      ...shared,
      tls,
      authenticate,
      handle: manager.handle,
      origin: () => origin,
      open: [
        metadataRoutes(
          () => ({ origin, storageSuffix: 'blob.opengallery' }),
          async () => aliasDocument(await catalog.images()),
        ),
        identityRoutes(identity) as (app: FastifyInstance, options: object) => unknown,
        installationRoutes({
          ...shared,
          arm: manager.arm,
          activityLog,
          regions,
          machines,
          disks,
          signing,
          bundles: bundleIdentity(dataFolder, nodeFiles, systemRandom),
          upkeep,
          dataFolder,
          startedAt,
          authenticate,
          subscriptionId: admin.subscriptionId,
          tenantId: admin.tenantId,
          identity,
          makeOwner,
          nbdExports,
          rotateKeys: () => identity.rotateKeys(),
          origin: () => origin,
        }),
        graphRoutes({
          ...shared,
          identity,
          administers: caller => administers(armCallerOf(caller)),
          limit: (method, caller) => void limit(method, armCallerOf(caller), undefined),
          noteChange: directoryActivity(activityLog, systemRandom),
        }),
        bootDiagnosticsRoutes({ machines, key: signingKey, clock }),
        imageRoutes({ ...shared, arm: manager.arm, regions, signing, authenticate, origin: () => origin }),
        versionRangesRoute({ ...shared, arm: manager.arm, regions, signing, authenticate, origin: () => origin }),
        provenanceRoute({ ...shared, arm: manager.arm, regions, signing, authenticate, origin: () => origin }),
        uploadBaseRoute({ ...shared, arm: manager.arm, regions, signing, authenticate, origin: () => origin }),
      ],
    })
    await later(app, app => closeWithin(app, config.drainMs, systemClock)).listen({
      host: config.host,
      port: config.port,
    })
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
    return { url: origin, blobUrl, dataFolder, admin, firstStart: admin.isNew, routes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Certificates: the server's own, behind it those that prove it. */
const signedBy = ({ key, cert }: { key: string; cert: string }, message: Uint8Array): Buffer => {
  const certificates = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const chain = certificates.map(pem => new X509Certificate(pem))
  return signedMessage(message, createPrivateKey(key), chain, systemClock.now())
}

const PRODUCT_VERSION = process.env.npm_package_version ?? '0.1.0'
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
