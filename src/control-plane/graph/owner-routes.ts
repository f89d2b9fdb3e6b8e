import { findObjects, referenced } from './find-objects.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { listed } from './odata-answer.ts'
import { requireOwner } from './rights.ts'

type RequireOwned = (call: GraphCall, parts: GraphParts) => Promise<{ readonly objectId: string }>

/** Who owns an object of a collection that has owners. `properties`: those that a list of them can be filtered by. */
export const ownerRoutes = (
  collection: 'applications' | 'groups',
  requireOwned: RequireOwned,
  properties: ReadonlySet<string>,
): readonly GraphRoute[] => [
  {
    method: 'GET',
    path: `/${collection}/:id/owners`,
    async run(call, parts) {
      const { objectId } = await requireOwned(call, parts)
      const owners = await findObjects(await parts.identity.owners.of(objectId), call, parts)
      return listed(call, '/directoryObjects', owners, properties)
    },
  },
  {
    method: 'POST',
    path: `/${collection}/:id/owners/$ref`,
    async run(call, parts) {
      const { objectId } = await requireOwned(call, parts)
      await requireOwner(call, parts, [objectId])
      const ownerId = referenced(call)
      const known = await parts.identity.directory.find({ objectId: ownerId })
      if (known?.principal.tenantId !== call.caller.tenantId) throw graphError.notFound(ownerId)
      await parts.identity.owners.add(objectId, ownerId)
      return done
    },
  },
  {
    method: 'DELETE',
    path: `/${collection}/:id/owners/:ownerId/$ref`,
    async run(call, parts) {
      const { objectId } = await requireOwned(call, parts)
      await requireOwner(call, parts, [objectId])
      await parts.identity.owners.remove(objectId, (call.params.ownerId ?? '').toLowerCase())
      return done
    },
  },
]
