import type { Transaction } from '#foundation/database.ts'
import type { Operation } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged, type Resources } from '#resources/resources.ts'
import { armError } from '../arm-error.ts'
import { operationHeaders } from '../operation-urls.ts'
import { present, viewOf } from '../present.ts'
import type { ResourceId } from '../resource-id.ts'
import type { ArmRequest, ArmResponse, Change, Plan, ResourceType } from '../resource-type.ts'
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

const putOnce = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const { arm } = parts
  if (!type.plan || !type.schema || (request.method === 'PATCH' && type.patchable === false))
    throw armError.methodNotAllowed(request.method, type.type)
  const parent = await requireParent(type, id, parts)
  const existing = await arm.resources.find(id.key)
  checkPreconditions(request, id, existing)
  if (request.method === 'PATCH' && !existing) throw notFound(id, type)
  refuseWhileBusy(request, existing)
  if (!existing) type.checkName?.(id.name, id)
  const change = readChange(type, id, request, existing, parent, arm)
  const plan = await type.plan(change, arm)
  const { document, operation } = await save(type, change, plan, parts)
  return {
    status: plan.status ?? (existing ? 200 : 201),
    headers: {
      etag: `"${document.etag}"`,
      ...(operation ? operationHeaders(operation, request) : {}),
    },
    body: await present(type, document, viewOf(type, request, 'write'), arm),
  }
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

const refuseWhileBusy = (request: ArmRequest, existing: ResourceDocument | undefined): void => {
  if (existing?.provisioningState === 'Deleting') throw armError.markedForDeletion(request.method, existing.name)
  if (existing?.provisioningState === 'Creating' || existing?.provisioningState === 'Updating')
    throw armError.operationInProgress(request.method, existing.name)
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
    ...plan.document,
    provisioningState: plan.work ? (existing ? 'Updating' : 'Creating') : 'Succeeded',
  }
  const saved = await parts.database.transact(async transaction => {
    // Decided anew when what it lies in went, or began to go, since the rules were looked at.
    for (const key of new Set([document.parentKey, document.groupKey ?? '']))
      if (key !== '' && !(await isStaying(key, resources, transaction))) throw new DocumentChanged(key)
    const stored = existing ? await resources.update(transaction, document) : document
    if (!existing) await resources.insert(transaction, document, type.sortKey?.(document.name))
    if (!plan.work) return { document: stored }
    const operation = await enqueueWork(transaction, type, stored, plan.work, change.request, parts)
    return { document: stored, operation }
  })
  if (saved.operation) parts.operations.wake()
  return saved
}
