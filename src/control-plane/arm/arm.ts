import type { Access } from '#access/access.ts'
import type { ActivityLog } from '#activity/activity-log.ts'
import { NOBODY } from '#activity/activity-record.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { Operations } from '#operations/operations.ts'
import type { Resources } from '#resources/resources.ts'
import { operationsListType } from './action-strings.ts'
import { ArmError } from './arm-error.ts'
import { authoriseBy } from './authorise.ts'
import { LeftUnfinished } from './left-unfinished.ts'
import { finalAnswer, operationStatusType } from './operation-status.ts'
import { handle, type PipelineParts } from './pipeline.ts'
import type { RawRequest } from './raw-request.ts'
import { makeRegistry, type Registry } from './registry.ts'
import { encodePath } from './resource-id.ts'
import { defineResourceOperation } from './resource-operations.ts'
import type { Arm, ArmResponse, Caller, Location, Provider } from './resource-type.ts'
import { takeUpAgain } from './take-up-again.ts'

export interface ArmParts {
  readonly database: Database
  readonly resources: Resources
  readonly operations: Operations
  readonly clock: Clock
  readonly random: Random
  readonly locations: readonly Location[]
  readonly activityLog: ActivityLog
  /** The providers; some need to see the registry or the context itself, so they are made from it. */
  providers(registry: () => Registry): readonly Provider[]
  authenticate: PipelineParts['authenticate']
  readonly access: Access
  limit: PipelineParts['limit']
}

/** Azure Resource Manager in this process. */
export interface ResourceManager {
  readonly arm: Arm
  readonly registry: Registry
  /** Answers a request; refusals become answers, bugs are thrown. */
  handle(raw: RawRequest): Promise<ArmResponse>
}

export const createResourceManager = (parts: ArmParts): ResourceManager => {
  const { database, operations, access } = parts
  const itself: Caller = {
    tenantId: NOBODY,
    objectId: NOBODY,
    clientId: NOBODY,
    displayName: 'OpenGallery',
    kind: 'Application',
  }
  const dataActions = new Set<string>()
  const authorise = authoriseBy(access, itself, action => dataActions.has(action.toLowerCase()))
  const arm: Arm = {
    resources: parts.resources,
    clock: parts.clock,
    random: parts.random,
    locations: parts.locations,
    findLocation: locationFinder(parts.locations),
    send: request => answer(rawOf(request)),
    preview: request => answer({ ...rawOf(request), isPreview: true }),
    async complete(request) {
      const first = await arm.send(request)
      const id = /\/([^/?]+)\?/.exec(first.headers['azure-asyncoperation'] ?? '')?.[1]
      if (id === undefined) return first
      const operation = await operations.settled(id)
      if (operation.status === 'InProgress') throw new LeftUnfinished(request.path)
      return finalAnswer(operation, request, arm)
    },
    async settled(key) {
      const active = await operations.active(key)
      if (active) await operations.settled(active.id)
    },
    async cancel(key) {
      const active = await operations.active(key)
      if (active) await operations.cancel(active.id)
      return active !== undefined
    },
    itself,
    mayDo: async (caller, action, scope) => authorise.mayDo(caller, action, scope),
    hasRights: authorise.hasRights,
    tenantOf: access.tenantOf,
    transact: work => database.transact(work),
    takeUpAgain: (key, work) => takeUpAgain(key, work, { arm, database, operations }),
  }
  const registry: Registry = makeRegistry(
    withOperationTypes(
      parts.providers(() => registry),
      operations,
    ),
  )
  for (const operation of registry.providers.flatMap(provider => provider.operations))
    operations.define(defineResourceOperation(operation, arm, parts.activityLog))
  for (const { type, dataActions: own = [] } of registry.providers.flatMap(provider => provider.types))
    for (const action of own) dataActions.add(`${type}/${action}`.toLowerCase())
  const pipeline: PipelineParts = { ...parts, authorise, arm, registry }
  const answer = (raw: RawRequest): Promise<ArmResponse> => handle(raw, pipeline).catch(refusalAsAnswer)
  return { arm, registry, handle: answer }
}

/** A request from within, in the form of one that arrives. */
const rawOf = (request: Parameters<Arm['send']>[0]): RawRequest => {
  const { method, path, apiVersion = '2025-12-03', query = {}, headers = {}, body, caller, origin } = request
  const search = new URLSearchParams({ ...query, 'api-version': apiVersion })
  const json = body === undefined ? {} : { json: body }
  return { method, url: `${encodePath(path)}?${search}`, headers, origin, remoteAddress: '', caller, ...json }
}

const refusalAsAnswer = (error: unknown): ArmResponse => {
  if (!(error instanceof ArmError)) throw error
  return renderError(error)
}

/** The only place where a refusal becomes an answer. */
export const renderError = (error: ArmError): ArmResponse => ({
  status: error.status,
  headers: { ...error.headers, 'x-ms-failure-cause': 'gateway' },
  body: { error: error.toOperationError() as never },
})

/** `West US 2`, `westus2` and `WESTUS2` are one place. */
const locationFinder = (locations: readonly Location[]) => {
  const bare = (name: string) => name.toLowerCase().replaceAll(/\s/g, '')
  const known = new Map(
    locations.flatMap(location => [
      [bare(location.name), location],
      [bare(location.displayName), location],
    ]),
  )
  return (name: string) => known.get(bare(name))
}

/** Each provider gets the types under which its operations are polled, and the list of what roles can allow. */
const withOperationTypes = (providers: readonly Provider[], operations: Operations): Provider[] =>
  providers.map(provider => {
    const polled = new Set(provider.types.flatMap(type => type.operationsType ?? []))
    const own = new Set(provider.types.map(type => type.type.toLowerCase()))
    const missing = [...polled].filter(type => !own.has(type.toLowerCase()))
    const apiVersions = provider.types[0]?.apiVersions ?? []
    const polling = missing.map(type => operationStatusType(type, operations, apiVersions))
    const whole = { ...provider, types: [...provider.types, ...polling] }
    return { ...whole, types: [...whole.types, operationsListType(whole)] }
  })
