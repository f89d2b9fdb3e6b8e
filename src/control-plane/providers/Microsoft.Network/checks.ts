import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { networkError } from './network-errors.ts'

/** Throws unless a name has 1 to `longest` characters of Azure's rule for network resources. */
export const checkName = (name: string, longest = 80): void => {
  if (name.length > longest || !/^[A-Za-z0-9]([-\w.]*\w)?$/.test(name))
    throw networkError.nameInvalid(name.slice(0, 100), longest)
}

/** Network resources are changed by a PUT of the whole; their PATCH takes tags alone, as in Azure. */
export const refusePatchOfMore = ({ verb, given }: Change): void => {
  const [member] = Object.keys(given)
  if (verb === 'PATCH' && member !== undefined) throw networkError.onlyTags(member)
}

/** What refers to something: a whole resource, or one that is nested in the document that is saved. */
export type Referrer = Pick<Change, 'id' | 'request'>

/**
 * What a body refers to (of a nested resource, the one it lies in): it must be of the type, the caller must have the right to join
 * it, and it must be there, in the same region. Throws otherwise, about the right first.
 */
export const findJoined = async (
  arm: Arm,
  by: Referrer,
  reference: {
    readonly id: string
    readonly type: string
    readonly path: string
    readonly location: string | undefined
  },
): Promise<ResourceDocument> => {
  const { type, path, location } = reference
  const given = ResourceId.parse(reference.id)
  if (given?.type.toLowerCase() !== type.toLowerCase() || given.scope.key !== given.group?.key)
    throw networkError.referenceOfOtherType(reference.id.slice(0, 500), path, type)
  const id = given.inCaseOf(type)
  await requireLinked(arm, by, `${type}/join/action`, id)
  const document = await arm.resources.find(id.names.length > 1 ? id.parent.key : id.key)
  if (document?.location === location && document) return document
  throw networkError.referenceNotFound(`${id}`, `${by.id}`)
}

/** `{"id": ...}` as bodies have it. */
export const idIn = (reference: unknown): string | undefined => (reference as { id?: string } | undefined)?.id

/** A list that has members: what is asked for where we have nothing of the kind. */
export const isFilled = (value: unknown): boolean => !(Array.isArray(value) && value.length === 0)
export const isTrue = (value: unknown): boolean => value === true
