import type { Operation } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged } from '#resources/resources.ts'
import { armError } from '../arm-error.ts'
import { operationHeaders } from '../operation-urls.ts'
import type { ResourceId } from '../resource-id.ts'
import type { ArmRequest, ArmResponse, ResourceType, Work } from '../resource-type.ts'
import type { VerbParts } from './context.ts'
import { decideAnew } from './decide-anew.ts'
import { enqueueWork } from './enqueue-work.ts'
import { checkPreconditions, notFound, requireScope } from './preconditions.ts'

/** How many nested resources a refusal names, as Azure does. */
const NAMED = 5
/**
 * DELETE: refused while something lies in the resource, else gone at once or by an operation. Strongly consistent: the moment a
 * child's GET says 404 its parent can be deleted. What still works on the resource is cancelled first.
 */
export const remove = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  if (type.computed) {
    if (!type.computed.remove) throw armError.methodNotAllowed('DELETE', type.type)
    await requireScope(id, parts.arm)
    return type.computed.remove(id, request, parts.arm)
  }
  return decideAnew(() => removeOnce(type, id, request, parts))
}

const removeOnce = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const { arm, operations } = parts
  if (!type.plan) throw armError.methodNotAllowed('DELETE', type.type)
  const document = await arm.resources.find(id.key)
  checkPreconditions(request, id, document)
  if (!document) {
    if (type.deleteMissing === 404) throw await missing(type, id, parts)
    return { status: 204, headers: {} }
  }
  const active = await operations.active(document.key)
  if (active && document.provisioningState === 'Deleting') return accepted(active, request)
  await refuseNested(type, document, parts)
  const plan = (await type.planDelete?.({ id, document, request }, arm)) ?? {}
  if (active) {
    await operations.cancel(active.id)
    throw new DocumentChanged(document.key) // decide anew on what the cancelled work left
  }
  if (!plan.work) {
    await removeNow(type, document, plan.inCommit, request, parts)
    return { status: 200, headers: {}, isWrittenDown: true }
  }
  return { ...accepted(await beginRemoval(type, document, plan.work, request, parts), request), isWrittenDown: true }
}

const missing = async (type: ResourceType, id: ResourceId, { arm }: VerbParts) => {
  await requireScope(id, arm)
  return notFound(id, type)
}

const accepted = (operation: Operation, request: ArmRequest): ArmResponse => ({
  status: 202,
  headers: operationHeaders(operation, request),
})

const refuseNested = async (type: ResourceType, document: ResourceDocument, { arm }: VerbParts) => {
  if (type.deletesNested) return
  const nested = await arm.resources.childIds(document.key, NAMED)
  if (nested.length > 0)
    throw armError.cannotDeleteResource(
      nested.map(id => id.slice(id.lastIndexOf('/providers/') + '/providers/'.length)),
    )
}

type InCommit = Awaited<ReturnType<NonNullable<ResourceType['planDelete']>>>['inCommit']

const removeNow = (
  type: ResourceType,
  document: ResourceDocument,
  inCommit: InCommit,
  request: ArmRequest,
  { arm, database }: VerbParts,
): Promise<void> =>
  database.transact(async transaction => {
    // What was decided on must still be so: an address that somebody has joined since is not taken away.
    const current = await arm.resources.find(document.key, transaction)
    if (current?.version !== document.version) throw new DocumentChanged(document.key)
    const nested = await arm.resources.childIds(document.key, 1, transaction)
    if (nested.length > 0 && !type.deletesNested) throw new DocumentChanged(document.key)
    await inCommit?.(transaction)
    await arm.resources.remove(transaction, document.key)
    await request.activity?.note(transaction, 'Succeeded', 200)
  })

const beginRemoval = async (
  type: ResourceType,
  document: ResourceDocument,
  work: Work,
  request: ArmRequest,
  parts: VerbParts,
): Promise<Operation> => {
  const operation = await parts.database.transact(async transaction => {
    const nested = await parts.arm.resources.childIds(document.key, 1, transaction)
    if (nested.length > 0 && !type.deletesNested) throw new DocumentChanged(document.key)
    const deleting = await parts.arm.resources.update(transaction, { ...document, provisioningState: 'Deleting' })
    await request.activity?.note(transaction, 'Accepted', 202)
    return enqueueWork(transaction, type, deleting, work, request, parts)
  })
  parts.operations.wake()
  return operation
}
