import { readKeys } from './certificates.ts'
import { programProperties, programView, withCredentials } from './directory-views.ts'
import { findObjects, requireProgram, viewProgram } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute, type Words } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { memberGroups, memberOf } from './member-of.ts'
import { listed, shown } from './odata-answer.ts'
import { requireOwner } from './rights.ts'

const resource = 'ServicePrincipal'

/** Programs as the tenant lets them in: what signs in, and what roles are given to. */
export const programRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/servicePrincipals',
    async run(call, parts) {
      const { tenantId } = call.caller
      const { directory, applications, profiles } = parts.identity
      const byAppId = new Map((await applications.list(tenantId)).map(one => [one.appId, one]))
      const words = await profiles.inTenant(tenantId)
      const programs = (await directory.principals(tenantId)).filter(({ principal }) => principal.kind !== 'User')
      const views = programs.map(known => {
        const { appId = '', objectId } = known.principal
        return programView(known, byAppId.get(appId), words.get(objectId) ?? {})
      })
      const complete = (view: Words) => withCredentials(view, parts)
      return listed(call, '/servicePrincipals', views, programProperties, complete)
    },
  },
  {
    method: 'POST',
    path: '/servicePrincipals',
    async run(call, parts) {
      const body = readBody(call.body, resource)
      const appId = body.requiredText('appId', 36).toLowerCase()
      const isEnabled = body.flag('accountEnabled')
      const [displayName, notes, tags] = [body.text('displayName'), body.text('notes', 1024), body.texts('tags')]
      body.end()
      const { applications, directory, profiles, owners } = parts.identity
      const application = await applications.find({ appId })
      if (application?.tenantId !== call.caller.tenantId)
        throw graphError.refused(
          `The appId '${appId}' of the service principal does not reference a valid application object.`,
        )
      await requireOwner(call, parts, [application.objectId])
      const { tenantId, words } = application
      const made = await directory.addServicePrincipal({
        tenantId,
        appId,
        displayName: displayName ?? words.displayName,
      })
      await owners.add(made.objectId, call.caller.objectId)
      if (notes || tags) await profiles.change(made.objectId, { ...(notes && { notes }), ...(tags && { tags }) })
      if (isEnabled === false) await directory.setDisabled(made.objectId, true)
      return shown(call, '/servicePrincipals', await view(made.objectId, call, parts), 201)
    },
  },
  {
    method: 'GET',
    path: '/servicePrincipals/:id',
    run: async (call, parts) =>
      shown(call, '/servicePrincipals', await viewProgram(await requireProgram(call, parts), parts)),
  },
  {
    method: 'PATCH',
    path: '/servicePrincipals/:id',
    async run(call, parts) {
      const objectId = await requireChangeable(call, parts)
      const body = readBody(call.body, resource)
      const displayName = body.text('displayName')
      const [notes, tags] = [body.text('notes', 1024), body.texts('tags')]
      const isEnabled = body.flag('accountEnabled')
      const certificates = readKeys(body)
      body.end()
      const { directory, profiles } = parts.identity
      // First, for of all these changes it alone can be refused.
      if (certificates) await directory.replaceCertificates(objectId, certificates)
      if (displayName) await directory.rename(objectId, displayName)
      if (notes !== undefined || tags)
        await profiles.change(objectId, { ...(notes !== undefined && { notes }), ...(tags && { tags }) })
      if (isEnabled !== undefined) await directory.setDisabled(objectId, !isEnabled)
      return done
    },
  },
  {
    method: 'DELETE',
    path: '/servicePrincipals/:id',
    async run(call, parts) {
      await parts.identity.directory.removePrincipal(await requireChangeable(call, parts))
      return done
    },
  },
  {
    method: 'GET',
    path: '/servicePrincipals/:id/owners',
    async run(call, parts) {
      const { principal } = await requireProgram(call, parts)
      const owners = await findObjects(await parts.identity.owners.of(principal.objectId), call, parts)
      return listed(call, '/directoryObjects', owners, new Set(['id', 'displayName']))
    },
  },
  {
    method: 'GET',
    path: '/servicePrincipals/:id/memberOf',
    run: async (call, parts) => memberOf((await requireProgram(call, parts)).principal.objectId, call, parts),
  },
  {
    method: 'POST',
    path: '/servicePrincipals/:id/getMemberGroups',
    run: async (call, parts) => memberGroups((await requireProgram(call, parts)).principal.objectId, call, parts),
  },
]

const view = async (objectId: string, call: GraphCall, parts: GraphParts) =>
  viewProgram(await requireProgram(call, parts, objectId), parts)

/** The service principal that the path names, if the caller may change it; a managed identity goes with its resource. */
const requireChangeable = async (call: GraphCall, parts: GraphParts): Promise<string> => {
  const { objectId, appId = '', kind } = (await requireProgram(call, parts)).principal
  if (kind === 'ManagedIdentity')
    throw graphError.refused('A managed identity is changed and deleted with the resource that it belongs to.')
  const application = await parts.identity.applications.find({ appId })
  await requireOwner(call, parts, application ? [objectId, application.objectId] : [objectId])
  return objectId
}
