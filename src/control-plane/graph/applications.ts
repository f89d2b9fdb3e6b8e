import { type ApplicationWords, namedApplication } from '#identity/applications.ts'
import { readKeys } from './certificates.ts'
import { applicationProperties, applicationView, withCredentials } from './directory-views.ts'
import { requireApplication } from './find-objects.ts'
import { type BodyReader, readBody } from './graph-body.ts'
import { done, type GraphRoute, type Words } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { listed, shown } from './odata-answer.ts'
import { ownerRoutes } from './owner-routes.ts'
import { requireOwner, requireRegistrant } from './rights.ts'

const resource = 'Application'

/** Registered programs. */
export const applicationRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/applications',
    async run(call, parts) {
      const applications = await parts.identity.applications.list(call.caller.tenantId)
      const complete = (view: Words) => withCredentials(view, parts)
      return listed(call, '/applications', applications.map(applicationView), applicationProperties, complete)
    },
  },
  {
    method: 'POST',
    path: '/applications',
    async run(call, parts) {
      await requireRegistrant(call, parts)
      const body = readBody(call.body, resource)
      const displayName = body.requiredText('displayName')
      const words = readWords(body)
      const certificates = readKeys(body)
      body.end()
      const { tenantId, objectId: ownerId } = call.caller
      const whole = { ...namedApplication(displayName), ...words }
      const application = await parts.identity.applications.add(tenantId, whole, { ownerId, certificates })
      return shown(call, '/applications', await withCredentials(applicationView(application), parts), 201)
    },
  },
  {
    method: 'GET',
    path: '/applications/:id',
    run: async (call, parts) =>
      shown(
        call,
        '/applications',
        await withCredentials(applicationView(await requireApplication(call, parts)), parts),
      ),
  },
  {
    method: 'PATCH',
    path: '/applications/:id',
    async run(call, parts) {
      const { objectId, words: before } = await requireApplication(call, parts)
      await requireOwner(call, parts, [objectId])
      const body = readBody(call.body, resource)
      const displayName = body.text('displayName') || before.displayName
      const words = readWords(body)
      const certificates = readKeys(body)
      body.end()
      await parts.identity.applications.change(objectId, { ...words, displayName }, certificates)
      return done
    },
  },
  {
    method: 'DELETE',
    path: '/applications/:id',
    async run(call, parts) {
      const { objectId, appId } = await requireApplication(call, parts)
      await requireOwner(call, parts, [objectId])
      const { directory, applications } = parts.identity
      // The service principal first: whatever comes in between, nobody signs in by it, and a second try finishes.
      const known = await directory.find({ appId })
      if (known) await directory.removePrincipal(known.principal.objectId)
      await applications.remove(objectId)
      return done
    },
  },
  ...ownerRoutes('applications', requireApplication, new Set(['id', 'displayName'])),
]

const readWords = (body: BodyReader): Partial<ApplicationWords> => {
  const [identifierUris, tags] = [body.texts('identifierUris'), body.texts('tags')]
  const [description, notes] = [body.text('description', 1024), body.text('notes', 1024)]
  const serviceManagementReference = body.text('serviceManagementReference')
  const audience = body.text('signInAudience')
  if (audience && audience !== 'AzureADMyOrg') throw graphError.badProperty('signInAudience', resource)
  for (const uri of identifierUris ?? [])
    if (!URL.canParse(uri)) throw graphError.badProperty('identifierUris', resource)
  return {
    ...(identifierUris && { identifierUris }),
    ...(tags && { tags }),
    ...(description !== undefined && { description }),
    ...(notes !== undefined && { notes }),
    ...(serviceManagementReference !== undefined && { serviceManagementReference }),
  }
}
