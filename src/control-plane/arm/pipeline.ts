import type { ActivityLog } from '#activity/activity-log.ts'
import { armError } from './arm-error.ts'
import type { Authorise, Demand, Shows } from './authorise.ts'
import { type RawRequest, readApiVersion, readJsonBody, readMethod, readQuery } from './raw-request.ts'
import { isWrittenDown, requestActivity } from './request-activity.ts'
import { requireEnabled } from './require-enabled.ts'
import { parseTarget, ResourceId, type Target } from './resource-id.ts'
import type { ArmRequest, ArmResponse, Caller, ResourceType } from './resource-type.ts'
import { requireOwn } from './tenant-documents.ts'
import { act, findAction } from './verbs/action.ts'
import type { VerbParts } from './verbs/context.ts'
import { remove } from './verbs/delete.ts'
import { get } from './verbs/get.ts'
import { list } from './verbs/list.ts'
import { previewPut, put } from './verbs/put.ts'

export interface PipelineParts extends VerbParts {
  /** Who sent the request; throws the 401s. */
  authenticate(raw: RawRequest): Promise<Caller>
  /** The one hook that every call passes. */
  readonly authorise: Authorise
  /** Takes a token of the caller's bucket; returns the headers that tell what is left; throws 429. */
  limit(method: ArmRequest['method'], caller: Caller, subscriptionId: string | undefined): Record<string, string>
  /** Where every write, delete and action is written down, allowed or not. */
  readonly activityLog: ActivityLog
}

/** A request's way, from bytes to answer: who, how often, what, may they, do it; and what was done is written down. */
export const handle = async (raw: RawRequest, parts: PipelineParts): Promise<ArmResponse> => {
  const caller = raw.caller ?? raw.verified ?? (await parts.authenticate(raw))
  const [path = '', search = ''] = splitOnce(raw.url, '?')
  const target = readTarget(path)
  const method = readMethod(raw.method)
  const scope = target.kind === 'resource' ? target.id : target.parent
  const limits = raw.caller ? {} : parts.limit(method, caller, scope.subscriptionId)
  const query = readQuery(search)
  const apiVersion = readApiVersion(query)
  const verb = chooseVerb(method, target, parts, {
    isFromWithin: raw.caller !== undefined,
    isPreview: raw.isPreview === true,
  })
  const activity =
    isWrittenDown(verb.action) && !raw.isPreview && !verb.isInternal
      ? requestActivity({ raw, caller, ...verb }, parts.activityLog, parts.arm.random)
      : undefined
  const run = async () => {
    const shows = await parts.authorise.require(caller, verb)
    await requireEnabled(method, verb.scope, parts.arm)
    await requireOwn(verb.scope, caller, parts.arm)
    const body = method === 'GET' || method === 'HEAD' || method === 'DELETE' ? undefined : readJsonBody(raw)
    const { headers, origin } = raw
    const noted = activity ? { activity } : {}
    return verb.run({ method, caller, apiVersion, query, headers, body, origin, ...noted }, shows)
  }
  const answer = await (activity ? activity.finish(run) : run())
  return { ...answer, headers: { ...answer.headers, ...limits } }
}

/** What a method and a path come to: what must be allowed, and what then runs. */
interface Verb extends Demand {
  /** What providers say to each other behind ARM: part of what a client asked for. */
  readonly isInternal?: boolean
  run(request: ArmRequest, shows: Shows | undefined): Promise<ArmResponse>
}

const chooseVerb = (
  method: ArmRequest['method'],
  target: Target,
  parts: PipelineParts,
  { isFromWithin, isPreview }: { readonly isFromWithin: boolean; readonly isPreview: boolean },
): Verb => {
  if (method === 'POST') return chooseAction(target, isFromWithin, parts)
  if (target.kind === 'collection') return chooseList(method, target, parts)
  const { id } = target
  const type = typeAt(id.type, id.scope, parts)
  if (method === 'PUT' || method === 'PATCH')
    return {
      action: `${type.type}/write`,
      scope: id,
      operation: type.ignoresLocks ? undefined : 'write',
      run: request => (isPreview ? previewPut : put)(type, id, request, parts),
    }
  if (method === 'DELETE')
    return {
      action: `${type.type}/delete`,
      scope: id,
      operation: type.ignoresLocks ? undefined : 'delete',
      run: request => remove(type, id, request, parts),
    }
  return {
    action: `${type.type}/read`,
    scope: id,
    openTo: type.openTo,
    isOpenTo: async caller => (await type.isOpenTo?.(id, caller)) ?? false,
    run: request => get(type, id, request, parts),
  }
}

const chooseList = (
  method: ArmRequest['method'],
  target: Extract<Target, { kind: 'collection' }>,
  parts: PipelineParts,
): Verb => {
  const { parent } = target
  const isNested = parent.type !== '' && target.type.startsWith(`${parent.type}/`)
  const type = typeAt(target.type, isNested ? parent.scope : parent, parts)
  if (method !== 'GET') throw armError.methodNotAllowed(method, type.type)
  return {
    action: `${type.type}/read`,
    // What lies in several scopes together hangs on the one that holds them.
    scope: type.computed?.page ? target.parent.scope : target.parent,
    openTo: type.openTo,
    isList: type.computed?.one === undefined,
    run: (request, shows) => list(type, target.parent, request, parts, shows),
  }
}

const chooseAction = (target: Target, isFromWithin: boolean, parts: PipelineParts): Verb => {
  if (target.kind === 'resource') throw armError.methodNotAllowed('POST', parts.registry.require(target.id.type).type)
  const { owner, segment } = target
  const type: ResourceType = typeAt(owner.type, owner.scope, parts)
  const found = findAction(type, owner, segment, isFromWithin, parts)
  const { permission } = 'stored' in found ? found.stored : found.computed
  // What providers say to each other behind ARM no lock holds, and what only reads changes nothing.
  const isHeld = permission.endsWith('/action') && !('stored' in found && found.stored.internal) && !type.ignoresLocks
  return {
    action: actionString(type, owner, permission),
    scope: owner,
    openTo: 'computed' in found ? found.computed.openTo : undefined,
    operation: isHeld ? 'write' : undefined,
    isInternal: 'stored' in found && found.stored.internal === true,
    run: request => act(type, owner, found, request, parts),
  }
}

/** A type where it may lie: in the tenant, a subscription or a group; on a resource only if it is an extension. */
const typeAt = (name: string, scope: ResourceId, { registry }: PipelineParts): ResourceType => {
  const type = registry.require(name)
  const isPlace = [ResourceId.tenant, scope.subscription, scope.group].some(place => place?.key === scope.key)
  if (!isPlace && !type.extension) throw armError.invalidPath()
  return type
}

/** An action on a provider carries the provider's name: `Microsoft.Storage/checkNameAvailability/read`. */
const actionString = (type: ResourceType, owner: ResourceId, permission: string): string =>
  /\/providers$/i.test(type.type) ? `${owner.name}/${permission}` : `${type.type}/${permission}`

const readTarget = (path: string): Target => {
  const target = parseTarget(path)
  if (!target) throw armError.invalidPath()
  return target
}

const splitOnce = (text: string, separator: string): string[] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
