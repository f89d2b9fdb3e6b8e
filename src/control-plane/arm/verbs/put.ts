import type { Transaction } from '#foundation/database.ts'
import type { Operation } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged, type Resources } from '#resources/resources.ts'
import { armError } from '../arm-error.ts'
import { operationHeaders } from '../operation-urls.ts'
import { present, viewOf } from '../present.ts'
import type { ResourceId } from '../resource-id.ts'
import type { ArmRequest, ArmResponse, Change, Plan, ResourceType } from '../resource-type.ts'
import { ofTenant } from '../tenant-documents.ts'
import { readChange } from './change.ts'
import type { VerbParts } from './context.ts'
import { decideAnew } from './decide-anew.ts'
import { enqueueWork } from './enqueue-work.ts'
import { checkPreconditions, notFound, requireScope } from './preconditions.ts'

/**
 * PUT and PATCH: read, check and merge the body, let the type's rules decide, save, answer; the work comes after.
 * Decided anew when another writer came first, unless the client named the version it meant.
 */
export const put = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const verb = request.method as 'PUT' | 'PATCH'
  if (type.computed?.write) {
    await requireScope(id, parts.arm)
    return type.computed.write(verb, id, request, parts.arm)
  }
  return decideAnew(() => putOnce(type, id, request, parts), request.headers['if-match'] !== undefined)
}

/** What `put` would answer, with nothing saved. */
export const previewPut = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  if (type.computed?.preview) {
    await requireScope(id, parts.arm)
    return type.computed.preview(id, request, parts.arm)
  }
  const { plan } = await decide(type, id, request, parts)
  const body = await present(type, plan.document, viewOf(type, request, 'write'), parts.arm)
  return { status: 200, headers: {}, body }
}

const putOnce = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const { change, plan } = await decide(type, id, request, parts)
  const { document, operation } = await save(type, change, plan, parts)
  return {
    status: statusOf(plan, change),
    headers: {
      etag: `"${document.etag}"`,
      ...(operation ? operationHeaders(operation, request) : {}),
    },
    body: await present(type, document, viewOf(type, request, 'write'), parts.arm),
    isWrittenDown: true,
  }
}

const statusOf = (plan: Plan, change: Change): number => plan.status ?? (change.existing ? 200 : 201)

/** Everything before the save: what is there is looked at, and the type's rules say what becomes of it. */
const decide = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<{ change: Change; plan: Plan }> => {
  const { arm } = parts
  if (!type.plan || !type.schema || (request.method === 'PATCH' && type.patchable === false))
    throw armError.methodNotAllowed(request.method, type.type)
  const parent = await requireParent(type, id, parts)
  const existing = await arm.resources.find(id.key)
  checkPreconditions(request, id, existing)
  if (request.method === 'PATCH' && !existing) throw notFound(id, type)
  refuseWhileBusy(type, request, existing)
  if (!existing) type.checkName?.(id.name, id)
  const change = readChange(type, id, request, existing, parent, arm)
  return { change, plan: await type.plan(change, arm) }
}

/** What the resource is to lie in; throws when it is missing or on its way out. */
const requireParent = async (
  type: ResourceType,
  id: ResourceId,
  { arm }: VerbParts,
): Promise<ResourceDocument | undefined> => {
  const parentId = type.extension ? id.scope : id.parent
  if (!type.extension && id.scope.toString() !== '' && id.scope.key !== id.group?.key) throw armError.invalidPath()
  const isGroup = parentId.key === id.group?.key
  const group = await requireScope(isGroup ? id : parentId, arm)
  if (group?.provisioningState === 'Deleting') throw armError.resourceGroupBeingDeleted(group.name)
  if (isGroup || parentId.toString() === '') return group
  const parent = await arm.resources.find(parentId.key)
  if (!parent) throw armError.parentResourceNotFound(parentId.names.join('/'))
  if (parent.provisioningState === 'Deleting') throw armError.markedForDeletion('Create', parent.name)
  return parent
}

const refuseWhileBusy = (type: ResourceType, request: ArmRequest, existing: ResourceDocument | undefined): void => {
  if (existing?.provisioningState === 'Deleting') throw armError.markedForDeletion(request.method, existing.name)
  if (existing?.provisioningState === 'Creating' || existing?.provisioningState === 'Updating')
    throw type.busy?.(existing) ?? armError.operationInProgress(request.method, existing.name)
}

const isStaying = async (key: string, resources: Resources, transaction: Transaction): Promise<boolean> => {
  const document = await resources.find(key, transaction)
  return document !== undefined && document.provisioningState !== 'Deleting'
}

const save = async (
  type: ResourceType,
  change: Change,
  plan: Plan,
  parts: VerbParts,
): Promise<{ document: ResourceDocument; operation?: Operation }> => {
  const { resources } = parts.arm
  const { existing } = change
  const document: ResourceDocument = {
    ...ofTenant(plan.document, existing, change.request.caller),
    provisioningState: plan.work ? (existing ? 'Updating' : 'Creating') : 'Succeeded',
  }
  const saved = await parts.database.transact(async transaction => {
    // Decided anew when what it lies in went, or began to go, since the rules were looked at.
    for (const key of new Set([document.parentKey, document.groupKey ?? '']))
      if (key !== '' && !(await isStaying(key, resources, transaction))) throw new DocumentChanged(key)
    const settled = (await plan.inCommit?.(transaction, document)) ?? document
    const stored = existing ? await resources.update(transaction, settled) : settled
    if (!existing) await resources.insert(transaction, settled, type.sortKey?.(settled.name))
    await change.request.activity?.note(transaction, plan.work ? 'Accepted' : 'Succeeded', statusOf(plan, change))
    if (!plan.work) return { document: stored }
    const operation = await enqueueWork(transaction, type, stored, plan.work, change.request, parts)
    return { document: stored, operation }
  })
  if (saved.operation) parts.operations.wake()
  return saved
}
