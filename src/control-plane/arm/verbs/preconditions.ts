import type { ResourceDocument } from '#resources/resource-document.ts'
import { armError } from '../arm-error.ts'
import type { ResourceId } from '../resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '../resource-type.ts'

/** If-Match and If-None-Match against the stored resource (RFC 9110 section 13). */
export const checkPreconditions = (
  request: ArmRequest,
  id: ResourceId,
  existing: ResourceDocument | undefined,
): void => {
  const match = request.headers['if-match']
  const noneMatch = request.headers['if-none-match']
  if (match !== undefined && !(existing && names(match, existing.etag))) throw armError.preconditionFailed(`${id}`)
  if (noneMatch !== undefined && existing && names(noneMatch, existing.etag)) throw armError.preconditionFailed(`${id}`)
}

/** Whether a header's list of entity tags names this one. */
export const names = (header: string, etag: string): boolean =>
  header
    .split(',')
    .map(value => value.trim().replace(/^W\//, '').replaceAll('"', ''))
    .some(value => value === '*' || value === etag)

/** The subscription and the group of an id must be there; throws Azure's refusals. Returns the group's document. */
export const requireScope = async (id: ResourceId, arm: Arm): Promise<ResourceDocument | undefined> => {
  const { subscription, group } = id
  if (subscription && !(await arm.resources.find(subscription.key)))
    throw armError.subscriptionNotFound(subscription.name)
  if (!group) return undefined
  const document = await arm.resources.find(group.key)
  if (!document) throw armError.resourceGroupNotFound(group.name)
  return document
}

/** The stored resource, or `ResourceNotFound`. */
export const requireDocument = async (id: ResourceId, type: ResourceType, arm: Arm): Promise<ResourceDocument> => {
  const document = await arm.resources.find(id.key)
  if (document) return document
  await requireScope(id, arm)
  throw notFound(id, type)
}

export const notFound = (id: ResourceId, type: ResourceType) =>
  type.missing?.(id) ?? armError.resourceNotFound(describe(id.inCaseOf(type.type)), id.resourceGroup ?? '<null>')

/** `Microsoft.Compute/galleries/g/images/i`, as Azure names resources in its messages. */
const describe = (id: ResourceId): string => {
  const [namespace = '', ...types] = id.type.split('/')
  return [namespace, ...types.flatMap((type, index) => [type, id.names[index] ?? ''])].join('/')
}
