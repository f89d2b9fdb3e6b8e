import type { FastifyInstance } from 'fastify'
import type { ActivityLog } from '#activity/activity-log.ts'
import { armError } from '#arm/arm-error.ts'
import type { RawRequest } from '#arm/raw-request.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { kernelInWords } from '#data-plane/chunks/native-kernel.ts'
import type { Machines } from '#data-plane/machines/machines.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { SigningParts } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { activityLogRoute } from './activity-log-route.ts'
import type { BundleIdentity } from './bundles/bundle-identity.ts'
import { bundleRoutes } from './bundles/bundle-routes.ts'
import type { BundledDisks } from './bundles/bundled-disks.ts'
import { callerOf } from './caller-of.ts'
import { communityRoutes } from './community-routes.ts'
import { countSignatures } from './count-signatures.ts'
import { installationAction, mayDoOnInstallation } from './installation-actions.ts'
import { installationActivity } from './installation-activity.ts'
import { machinesStatus } from './machines-status.ts'
import type { NbdExports } from './nbd-exports.ts'
import { nbdLines } from './nbd-lines.ts'
import { type Given, storedVersion, type VersionQuery } from './stored-version.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { type TenantParts, tenantRoutes } from './tenants.ts'

export interface InstallationParts extends TenantParts {
  readonly arm: Arm
  readonly activityLog: ActivityLog
  readonly regions: Regions
  readonly machines: Machines
  readonly disks: BundledDisks
  readonly bundles: BundleIdentity
  readonly signing: SigningParts
  readonly upkeep: { round(): Promise<void> }
  readonly dataFolder: string
  readonly startedAt: string
  readonly subscriptionId: string
  readonly nbdExports: NbdExports
  readonly clock: Clock
  /** From now on a new key signs tokens. */
  rotateKeys(): Promise<void>
  readonly log: Log
  authenticate(raw: RawRequest): Promise<Caller>
  origin(): string
}

type Query = { Querystring: VersionQuery & { dryRun?: Given; repair?: Given; deep?: Given; listen?: Given } }

/**
 * `/opengallery/...`: what those who run an installation ask that Azure's API has no words for. Same tokens and roles as ARM: each
 * route is an action of `OpenGallery` on the first subscription, which is the installation's own.
 */
export const installationRoutes = (parts: InstallationParts) => (app: FastifyInstance) => {
  const { regions } = parts
  const scope = ResourceId.tenant.child('subscriptions', parts.subscriptionId)
  const activity = installationActivity(app, { ...parts, scope })
  app.addHook('onRequest', async request => {
    const caller = await callerOf(request, parts)
    const action = installationAction(request.method, request.routeOptions.url)
    const mayDo = await mayDoOnInstallation(caller, action, scope, parts.arm)
    await activity.begun(request, mayDo)
    if (!mayDo) throw armError.authorizationFailed(caller.clientId, caller.objectId, action, `${scope}`)
  })
  app.get('/opengallery/status', () => statusOf(parts))
  app.post<Query>('/opengallery/verify', async ({ query }) => {
    const report = await regions.verify(requireRegion(query.region, regions), undefined, {
      heals: query.repair === 'true',
      deep: query.deep === 'true',
    })
    const { corrupt, missing, healed } = report
    return { region: query.region, ...report, corrupt: corrupt.length, missing: missing.length, healed: healed.length }
  })
  app.post<Query>('/opengallery/gc', async ({ query }) => {
    const region = requireRegion(query.region, regions)
    const plan = query.dryRun === 'true' ? await regions.planCollection(region) : await regions.collect(region)
    return { region, ...plan }
  })
  app.get('/opengallery/image-keys', async () => ({ keys: parts.signing.imageKeys.all() }))
  app.post('/opengallery/image-keys/rotate', async () => {
    await parts.signing.imageKeys.rotate()
    return { keys: parts.signing.imageKeys.all() }
  })
  app.get('/opengallery/signatures', ({ verified }) => countSignatures(verified as Caller, parts))
  bundleRoutes(app, parts)
  tenantRoutes(app, parts)
  subscriptionRoutes(app, parts)
  activityLogRoute(app, parts.activityLog)
  communityRoutes(app, parts)
  app.post<Query>('/opengallery/nbd', async ({ query, verified }, reply) => {
    const version = await storedVersion(query, verified as Caller, parts)
    const running = await parts.nbdExports.start(version, query.listen === undefined ? undefined : String(query.listen))
    return reply.header('content-type', 'application/x-ndjson').send(nbdLines(version, running, parts.clock))
  })
  app.post('/opengallery/keys/rotate', async () => {
    await parts.rotateKeys()
    return { rotatedAt: parts.clock.now().toISOString() }
  })
  app.get<Query>('/opengallery/bytes', ({ query, verified }) =>
    bytesOf(String(query.id ?? ''), verified as Caller, parts.arm),
  )
}

const requireRegion = (name: Given, regions: Regions): string => {
  if (typeof name === 'string' && regions.names.includes(name)) return name
  throw armError.invalidQueryParameter('region', String(name ?? '').slice(0, 100))
}

const statusOf = async ({ arm, regions, machines, dataFolder, startedAt }: InstallationParts) => {
  const resources: Record<string, number> = {}
  for await (const { type } of eachDocument(arm.resources, {})) resources[type] = (resources[type] ?? 0) + 1
  return {
    version: process.env.npm_package_version ?? '0.1.0',
    startedAt,
    dataFolder,
    kernel: kernelInWords(),
    machines: await machinesStatus(machines),
    resources,
    regions: await Promise.all(regions.names.map(async name => ({ name, stores: await storesOf(name, regions) }))),
  }
}

const nothing = { chunks: 0, packs: 0, storedBytes: 0, sharedBytes: 0, manifests: 0, damaged: 0 }

const storesOf = async (region: string, regions: Regions) => {
  const stores = await regions.health(region)
  return stores.map(({ stats, room, ...health }) => ({ ...health, ...(stats ?? nothing), ...room }))
}

/** What became of a version's bytes when it was published, as its provider noted it. */
const bytesOf = async (id: string, caller: Caller, arm: Arm): Promise<JsonObject> => {
  const version = ResourceId.parse(id)
  if (!version) throw armError.invalidQueryParameter('id', id.slice(0, 300))
  await requireRight(caller, `${version.type}/read`, version, arm)
  const document = await arm.resources.find(version.key)
  const bytes = document?.hidden.bytes
  if (!document || bytes === undefined) throw armError.resourceNotFound(id.slice(0, 300), '<null>')
  return bytes as JsonObject
}
