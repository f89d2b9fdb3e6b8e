import type { GraphCall, GraphParts } from './graph-call.ts'
import { graphError } from './graph-error.ts'

/** Throws unless the caller administers the directory of its tenant. */
export const requireAdministrator = async ({ caller }: GraphCall, parts: GraphParts): Promise<void> => {
  if (!(await parts.administers(caller))) throw graphError.denied()
}

/** Throws unless the caller administers the directory, or owns one of the objects. */
export const requireOwner = async (
  { caller }: GraphCall,
  parts: GraphParts,
  objectIds: readonly string[],
): Promise<void> => {
  for (const objectId of objectIds) if ((await parts.identity.owners.of(objectId)).includes(caller.objectId)) return
  if (!(await parts.administers(caller))) throw graphError.denied()
}

/** As in Entra, where no setting says otherwise: so many objects may be owned by who is no administrator. */
const mostOwned = 250

/** Every user of the tenant may register applications, which can do nothing before they are given a role; programs may not. */
export const requireRegistrant = async ({ caller }: GraphCall, parts: GraphParts): Promise<void> => {
  if (await parts.administers(caller)) return
  if (caller.kind !== 'User') throw graphError.denied()
  if ((await parts.identity.applications.countOwned(caller.objectId)) >= mostOwned)
    throw graphError.tooManyOwned(mostOwned)
}
