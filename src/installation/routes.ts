import type { FastifyInstance } from 'fastify'
import { renderError } from '#arm/arm.ts'
import { ArmError, armError } from '#arm/arm-error.ts'
import type { RawRequest } from '#arm/raw-request.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { NbdExports } from './nbd-exports.ts'
import { nbdLines } from './nbd-lines.ts'
import { type Given, storedVersion, type VersionQuery } from './stored-version.ts'

export interface InstallationParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly upkeep: { round(): Promise<void> }
  readonly dataFolder: string
  readonly startedAt: string
  readonly subscriptionId: string
  readonly nbdExports: NbdExports
  readonly clock: Clock
  authenticate(raw: RawRequest): Promise<Caller>
  origin(): string
}

type Query = { Querystring: VersionQuery & { dryRun?: Given; repair?: Given; listen?: Given } }

/**
 * `/opengallery/...`: what an installation's owner asks that Azure's API has no words for. Same tokens as ARM; the right is that of
 * the subscription's owner.
 */
export const installationRoutes = (parts: InstallationParts) => (app: FastifyInstance) => {
  const { regions } = parts
  app.addHook('onRequest', async request => {
    const headers = request.headers as RawRequest['headers']
    const raw = { method: request.method, url: request.url, headers, origin: parts.origin(), remoteAddress: request.ip }
    const caller = await parts.authenticate(raw)
    request.verified = caller
    const scope = ResourceId.tenant.child('subscriptions', parts.subscriptionId)
    if (!(await parts.arm.mayDo(caller, 'OpenGallery/installation/action', scope)))
      throw armError.authorizationFailed(
        caller.clientId,
        caller.objectId,
        'OpenGallery/installation/action',
        `${scope}`,
      )
  })
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof ArmError)) throw error
    const { status, headers, body } = renderError(error)
    return reply.code(status).headers(headers).send(body)
  })
  app.get('/opengallery/status', () => statusOf(parts))
  app.post<Query>('/opengallery/verify', async ({ query }) => {
    const report = await regions.verify(requireRegion(query.region, regions), undefined, {
      heals: query.repair === 'true',
    })
    const { corrupt, missing, healed } = report
    return { region: query.region, ...report, corrupt: corrupt.length, missing: missing.length, healed: healed.length }
  })
  app.post<Query>('/opengallery/gc', async ({ query }) => {
    const region = requireRegion(query.region, regions)
    const plan = query.dryRun === 'true' ? await regions.planCollection(region) : await regions.collect(region)
    return { region, ...plan }
  })
  app.post<Query>('/opengallery/nbd', async ({ query, verified }, reply) => {
    const version = await storedVersion(query, verified as Caller, parts)
    const running = await parts.nbdExports.start(version, query.listen === undefined ? undefined : String(query.listen))
    return reply.header('content-type', 'application/x-ndjson').send(nbdLines(version, running, parts.clock))
  })
  app.get<Query>('/opengallery/bytes', ({ query }) => bytesOf(String(query.id ?? ''), parts.arm))
}

const requireRegion = (name: Given, regions: Regions): string => {
  if (typeof name === 'string' && regions.names.includes(name)) return name
  throw armError.invalidQueryParameter('region', String(name ?? '').slice(0, 100))
}

const statusOf = async ({ arm, regions, dataFolder, startedAt }: InstallationParts) => {
  const { documents } = await arm.resources.list({})
  const resources: Record<string, number> = {}
  for (const { type } of documents) resources[type] = (resources[type] ?? 0) + 1
  return {
    version: process.env.npm_package_version ?? '0.1.0',
    startedAt,
    dataFolder,
    resources,
    regions: await Promise.all(regions.names.map(async name => ({ name, stores: await storesOf(name, regions) }))),
  }
}

const nothing = { chunks: 0, packs: 0, storedBytes: 0, manifests: 0 }

const storesOf = async (region: string, regions: Regions) => {
  const stores = await regions.health(region)
  return stores.map(({ stats, room, ...health }) => ({ ...health, ...(stats ?? nothing), ...room }))
}

/** What became of a version's bytes when it was published, as its provider noted it. */
const bytesOf = async (id: string, arm: Arm): Promise<JsonObject> => {
  const document = await arm.resources.find(id.toLowerCase().replace(/\/+$/, ''))
  const bytes = document?.hidden.bytes
  if (!document || bytes === undefined) throw armError.resourceNotFound(id.slice(0, 300), '<null>')
  return bytes as JsonObject
}
