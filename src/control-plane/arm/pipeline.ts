import { armError } from './arm-error.ts'
import { type RawRequest, readApiVersion, readJsonBody, readMethod, readQuery } from './raw-request.ts'
import { parseTarget, type ResourceId, type Target } from './resource-id.ts'
import type { ArmRequest, ArmResponse, Caller, ResourceType } from './resource-type.ts'
import { act, type FoundAction, findAction } from './verbs/action.ts'
import type { VerbParts } from './verbs/context.ts'
import { remove } from './verbs/delete.ts'
import { get } from './verbs/get.ts'
import { list } from './verbs/list.ts'
import { put } from './verbs/put.ts'

export interface PipelineParts extends VerbParts {
  /** Who sent the request; throws the 401s. */
  authenticate(raw: RawRequest): Promise<Caller>
  /** The one hook that every call passes: may the caller do this action at this scope? */
  authorise(caller: Caller, action: string, scope: ResourceId): Promise<boolean>
  /** Takes a token of the caller's bucket; returns the headers that tell what is left; throws 429. */
  limit(method: ArmRequest['method'], caller: Caller, subscriptionId: string | undefined): Record<string, string>
}

/** A request's way, from bytes to answer: who, how often, what, may they, do it. */
export const handle = async (raw: RawRequest, parts: PipelineParts): Promise<ArmResponse> => {
  const caller = raw.caller ?? raw.verified ?? (await parts.authenticate(raw))
  const [path = '', search = ''] = splitOnce(raw.url, '?')
  const target = readTarget(path)
  const method = readMethod(raw.method)
  const scope = target.kind === 'resource' ? target.id : target.parent
  const limits = raw.caller ? {} : parts.limit(method, caller, scope.subscriptionId)
  const query = readQuery(search)
  const apiVersion = readApiVersion(query)
  const verb = chooseVerb(method, target, parts)
  await authorise(caller, verb.action, verb.scope, parts)
  const body = method === 'GET' || method === 'HEAD' || method === 'DELETE' ? undefined : readJsonBody(raw)
  const answer = await verb.run({ method, caller, apiVersion, query, headers: raw.headers, body, origin: raw.origin })
  return { ...answer, headers: { ...answer.headers, ...limits } }
}

/** What a method and a path come to: the action that must be allowed, and what then runs. */
interface Verb {
  readonly action: string
  readonly scope: ResourceId
  run(request: ArmRequest): Promise<ArmResponse>
}

const chooseVerb = (method: ArmRequest['method'], target: Target, parts: PipelineParts): Verb => {
  if (method === 'POST') return chooseAction(target, parts)
  if (target.kind === 'collection') return chooseList(method, target, parts)
  const { id } = target
  const type = parts.registry.require(id.type)
  if (method === 'PUT' || method === 'PATCH')
    return { action: `${type.type}/write`, scope: id, run: request => put(type, id, request, parts) }
  if (method === 'DELETE')
    return { action: `${type.type}/delete`, scope: id, run: request => remove(type, id, request, parts) }
  return { action: `${type.type}/read`, scope: id, run: request => get(type, id, request, parts) }
}

const chooseList = (
  method: ArmRequest['method'],
  target: Extract<Target, { kind: 'collection' }>,
  parts: PipelineParts,
): Verb => {
  const type = parts.registry.require(target.type)
  if (method !== 'GET') throw armError.methodNotAllowed(method, type.type)
  return {
    action: `${type.type}/read`,
    scope: target.parent,
    run: request => list(type, target.parent, request, parts),
  }
}

const chooseAction = (target: Target, parts: PipelineParts): Verb => {
  if (target.kind === 'resource') throw armError.methodNotAllowed('POST', parts.registry.require(target.id.type).type)
  const { owner, segment } = target
  const type: ResourceType = parts.registry.require(owner.type)
  const found = findAction(type, owner, segment, parts)
  return {
    action: actionString(type, owner, found),
    scope: owner,
    run: request => act(type, owner, found, request, parts),
  }
}

/** An action on a provider carries the provider's name: `Microsoft.Storage/checkNameAvailability/read`. */
const actionString = (type: ResourceType, owner: ResourceId, found: FoundAction): string => {
  const { permission } = 'stored' in found ? found.stored : found.computed
  return /\/providers$/i.test(type.type) ? `${owner.name}/${permission}` : `${type.type}/${permission}`
}

const authorise = async (caller: Caller, action: string, scope: ResourceId, parts: PipelineParts): Promise<void> => {
  if (await parts.authorise(caller, action, scope)) return
  throw armError.authorizationFailed(caller.clientId, caller.objectId, action, scope.toString() || '/')
}

const readTarget = (path: string): Target => {
  const target = parseTarget(path)
  if (!target) throw armError.invalidPath()
  return target
}

const splitOnce = (text: string, separator: string): string[] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
