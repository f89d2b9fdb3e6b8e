import { passwordView } from './directory-views.ts'
import { requireApplication, requireProgram } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { requireOwner } from './rights.ts'

const resource = 'PasswordCredential'
const skewMs = 15 * 60_000

/** Whose credentials a path means, and whose owners may change them. */
type Holder = (call: GraphCall, parts: GraphParts) => Promise<{ objectId: string; owned: readonly string[] }>

const ofApplication: Holder = async (call, parts) => {
  const { objectId } = await requireApplication(call, parts)
  return { objectId, owned: [objectId] }
}

const ofProgram: Holder = async (call, parts) => {
  const { objectId, appId = '', kind } = (await requireProgram(call, parts)).principal
  if (kind === 'ManagedIdentity')
    throw graphError.refused('The credentials of a managed identity are kept by the server.')
  const application = await parts.identity.applications.find({ appId })
  return { objectId, owned: application ? [objectId, application.objectId] : [objectId] }
}

/** Secrets of applications and service principals: made here, shown once. */
const routesOf = (collection: string, holder: Holder): GraphRoute[] => [
  {
    method: 'POST',
    path: `/${collection}/:id/addPassword`,
    async run(call, parts) {
      const { objectId, owned } = await holder(call, parts)
      await requireOwner(call, parts, owned)
      const whole = readBody(call.body, resource)
      const body = whole.part('passwordCredential')
      whole.end()
      const [startsAt, expiresAt] = [body?.date('startDateTime'), body?.date('endDateTime')]
      const displayName = body?.text('displayName') ?? null
      body?.end()
      const now = parts.clock.now().getTime()
      // A secret counts from when it is made.
      if (startsAt && startsAt.getTime() > now + skewMs) throw graphError.badProperty('startDateTime', resource)
      if (expiresAt && expiresAt.getTime() <= now) throw graphError.badProperty('endDateTime', resource)
      const made = await parts.identity.directory.addSecret(objectId, {
        displayName,
        ...(startsAt && { startsAt }),
        ...(expiresAt && { expiresAt }),
      })
      const context = { '@odata.context': `${call.root}/$metadata#microsoft.graph.passwordCredential` }
      return { status: 200, body: { ...context, ...passwordView(made), secretText: made.secret } }
    },
  },
  {
    method: 'POST',
    path: `/${collection}/:id/removePassword`,
    async run(call, parts) {
      const { objectId, owned } = await holder(call, parts)
      await requireOwner(call, parts, owned)
      const body = readBody(call.body, resource)
      const keyId = body.requiredText('keyId', 36)
      body.end()
      if (!(await parts.identity.directory.removeSecret(objectId, keyId.toLowerCase())))
        throw graphError.refused(`No password credential found with keyId '${keyId}'.`)
      return done
    },
  },
]

export const passwordRoutes: readonly GraphRoute[] = [
  ...routesOf('applications', ofApplication),
  ...routesOf('servicePrincipals', ofProgram),
]
