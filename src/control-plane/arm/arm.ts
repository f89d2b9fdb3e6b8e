import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { Operations } from '#operations/operations.ts'
import type { Resources } from '#resources/resources.ts'
import { ArmError } from './arm-error.ts'
import { finalAnswer, operationStatusType } from './operation-status.ts'
import { handle, type PipelineParts } from './pipeline.ts'
import type { RawRequest } from './raw-request.ts'
import { makeRegistry, type Registry } from './registry.ts'
import type { ResourceId } from './resource-id.ts'
import { defineResourceOperation } from './resource-operations.ts'
import type { Arm, ArmResponse, Caller, Location, Provider } from './resource-type.ts'

export interface ArmParts {
  readonly database: Database
  readonly resources: Resources
  readonly operations: Operations
  readonly clock: Clock
  readonly random: Random
  readonly locations: readonly Location[]
  /** The providers; some need to see the registry or the context itself, so they are made from it. */
  providers(registry: () => Registry): readonly Provider[]
  authenticate: PipelineParts['authenticate']
  authorise: PipelineParts['authorise']
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
  const { database, operations } = parts
  const arm: Arm = {
    resources: parts.resources,
    clock: parts.clock,
    random: parts.random,
    locations: parts.locations,
    findLocation: locationFinder(parts.locations),
    send: ({ method, path, apiVersion = '2025-12-03', query = {}, headers = {}, body, caller, origin }) => {
      const search = new URLSearchParams({ ...query, 'api-version': apiVersion })
      const json = body === undefined ? {} : { json: body }
      const url = `${encodePath(path)}?${search}`
      return answer({ method, url, headers, origin, remoteAddress: '', caller, ...json })
    },
    async complete(request) {
      const first = await arm.send(request)
      const id = /\/([^/?]+)\?/.exec(first.headers['azure-asyncoperation'] ?? '')?.[1]
      if (id === undefined) return first
      return finalAnswer(await operations.settled(id), request, arm)
    },
    mayDo: (caller: Caller, action: string, scope: ResourceId) => parts.authorise(caller, action, scope),
    transact: work => database.transact(work),
  }
  const registry: Registry = makeRegistry(
    withOperationTypes(
      parts.providers(() => registry),
      operations,
    ),
  )
  for (const operation of registry.providers.flatMap(provider => provider.operations))
    operations.define(defineResourceOperation(operation, arm))
  const pipeline: PipelineParts = { ...parts, arm, registry }
  const answer = (raw: RawRequest): Promise<ArmResponse> => handle(raw, pipeline).catch(refusalAsAnswer)
  return { arm, registry, handle: answer }
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

/** Each provider gets the types under which its operations are polled. */
const withOperationTypes = (providers: readonly Provider[], operations: Operations): Provider[] =>
  providers.map(provider => {
    const polled = new Set(provider.types.flatMap(type => type.operationsType ?? []))
    const own = new Set(provider.types.map(type => type.type.toLowerCase()))
    const missing = [...polled].filter(type => !own.has(type.toLowerCase()))
    const apiVersions = provider.types[0]?.apiVersions ?? []
    return {
      ...provider,
      types: [...provider.types, ...missing.map(type => operationStatusType(type, operations, apiVersions))],
    }
  })

const encodePath = (path: string) => path.split('/').map(encodeURIComponent).join('/')
