import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

/** What can be named as the origin of a disk's bytes. */
export type SourceKind = 'disk' | 'snapshot' | 'image' | 'version' | 'machine'

const kindOf: ReadonlyMap<string, SourceKind> = new Map([
  ['microsoft.compute/disks', 'disk'],
  ['microsoft.compute/snapshots', 'snapshot'],
  ['microsoft.compute/images', 'image'],
  ['microsoft.compute/galleries/images/versions', 'version'],
  ['microsoft.compute/virtualmachines', 'machine'],
])

/** What an id names, whether or not it is there; `undefined` for anything that has no bytes, and for what is no id. */
export const sourceKind = (id: string): SourceKind | undefined =>
  kindOf.get(ResourceId.parse(id)?.type.toLowerCase() ?? '')

// Publishing asks for write on disks and snapshots («permissions on the source» in Azure's guide to image versions), a copy
// for the right to export the bytes; images and versions are there to be read.
const linkedAction = (target: ResourceId, source: ResourceId, kind: SourceKind): string => {
  if (kind === 'machine') return `${source.type}/write`
  const readable = kind === 'image' || kind === 'version'
  const verb = readable ? 'read' : target.type.toLowerCase().includes('/galleries/') ? 'write' : 'beginGetAccess/action'
  return `${source.type}/${verb}`
}

/**
 * The resource whose bytes a new one is made of. `undefined` when the id names another kind of thing (`sourceKind` tells) or
 * nothing that is there; refused with `LinkedAuthorizationFailed` when the caller has no right to those bytes, before anything
 * is said of whether they exist.
 */
export const findSource = async (
  arm: Arm,
  id: string,
  kinds: readonly SourceKind[],
  change: Change,
): Promise<{ readonly kind: SourceKind; readonly document: ResourceDocument } | undefined> => {
  const source = ResourceId.parse(id)
  const kind = sourceKind(id)
  if (!source || !kind || !kinds.includes(kind)) return undefined
  await requireLinked(arm, change, linkedAction(change.id, source, kind), source)
  const document = await arm.resources.find(source.key)
  return document && { kind, document }
}
