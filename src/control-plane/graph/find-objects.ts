import type { Application } from '#identity/applications.ts'
import type { Known } from '#identity/directory.ts'
import type { Group } from '#identity/groups.ts'
import { applicationView, groupView, programView, typed, userView, withCredentials } from './directory-views.ts'
import type { GraphCall, GraphParts, Words } from './graph-call.ts'
import { graphError } from './graph-error.ts'

/** Finds directory objects of the caller's own tenant; those of others are as if they were not there. */
const own = async (
  { caller }: GraphCall,
  by: { objectId: string } | { userPrincipalName: string },
  { identity }: GraphParts,
): Promise<Known | undefined> => {
  const known = await identity.directory.find(by)
  return known?.principal.tenantId === caller.tenantId ? known : undefined
}

export const requireUser = async (call: GraphCall, parts: GraphParts, id = call.params.id ?? ''): Promise<Known> => {
  const known = await own(call, id.includes('@') ? { userPrincipalName: id } : { objectId: id }, parts)
  if (known?.principal.kind !== 'User') throw graphError.notFound(id)
  return known
}

export const requireProgram = async (call: GraphCall, parts: GraphParts, id = call.params.id ?? ''): Promise<Known> => {
  const known = await own(call, { objectId: id }, parts)
  if (!known || known.principal.kind === 'User') throw graphError.notFound(id)
  return known
}

export const requireGroup = async (call: GraphCall, parts: GraphParts, id = call.params.id ?? ''): Promise<Group> => {
  const group = await parts.identity.groups.find(id)
  if (group?.tenantId !== call.caller.tenantId) throw graphError.notFound(id)
  return group
}

export const requireApplication = async (
  call: GraphCall,
  parts: GraphParts,
  id = call.params.id ?? '',
): Promise<Application> => {
  const application = await parts.identity.applications.find({ objectId: id })
  if (application?.tenantId !== call.caller.tenantId) throw graphError.notFound(id)
  return application
}

/** A service principal with its application's words and its own. */
export const viewProgram = async (known: Known, parts: GraphParts): Promise<Words> => {
  const { appId = '', objectId } = known.principal
  const application = await parts.identity.applications.find({ appId })
  return withCredentials(programView(known, application, await parts.identity.profiles.of(objectId)), parts)
}

export const viewUser = async (known: Known, { identity }: GraphParts): Promise<Words> =>
  userView(known, await identity.profiles.of(known.principal.objectId))

/** Any principal or group of the tenant by its object id, with its type; `undefined` for what is not there. */
export const findObject = async (id: string, call: GraphCall, parts: GraphParts): Promise<Words | undefined> => {
  const known = await own(call, { objectId: id }, parts)
  if (known?.principal.kind === 'User') return typed('user', await viewUser(known, parts))
  if (known) return typed('servicePrincipal', await viewProgram(known, parts))
  const group = await parts.identity.groups.find(id)
  if (group?.tenantId === call.caller.tenantId) return typed('group', groupView(group))
  const application = await parts.identity.applications.find({ objectId: id })
  if (application?.tenantId !== call.caller.tenantId) return undefined
  return typed('application', await withCredentials(applicationView(application), parts))
}

/** Those of the ids that are there, in their order. */
export const findObjects = async (ids: readonly string[], call: GraphCall, parts: GraphParts): Promise<Words[]> => {
  const found: Words[] = []
  for (const id of ids) {
    const object = await findObject(id, call, parts)
    if (object) found.push(object)
  }
  return found
}

/** The object that a reference in a body names: `{"@odata.id": ".../directoryObjects/ID"}`. */
export const referenced = ({ body }: GraphCall): string => {
  const reference = body['@odata.id']
  const id = typeof reference === 'string' ? /\/([0-9a-f-]{36})$/i.exec(reference)?.[1] : undefined
  if (id === undefined) throw graphError.badProperty('@odata.id', 'Reference')
  return id.toLowerCase()
}
