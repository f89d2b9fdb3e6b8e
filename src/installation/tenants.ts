import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ArmError, armError, row } from '#arm/arm-error.ts'
import type { Arm } from '#arm/resource-type.ts'
import { secretText } from '#foundation/random.ts'
import { namedApplication } from '#identity/applications.ts'
import { DirectoryRefused } from '#identity/directory-refused.ts'
import type { Identity } from '#identity/identity.ts'
import type { Tenant } from '#identity/principal.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'

export interface TenantParts {
  readonly arm: Arm
  readonly identity: Identity
  /** The tenant of the first start, which stays. */
  readonly tenantId: string
  /** Makes a principal the owner of a scope; `''` is its tenant, with everything in it. */
  makeOwner(owner: Owner, scope: string): Promise<void>
}

export interface Owner {
  readonly tenantId: string
  readonly objectId: string
  readonly principalType: 'User' | 'ServicePrincipal'
}

export const tenantError = {
  refused: row(400, 'TenantRefused', 'a tenant, domain or administrator that can not be made', (why: string) => why),
  unknown: row(404, 'TenantNotFound', 'a tenant that is not there', (id: string) => `There is no tenant '${id}'.`),
  staying: row(409, 'TenantInUse', 'a tenant that can not be removed', (why: string) => why),
}

const SUBSCRIPTIONS = 'Microsoft.Resources/subscriptions'

/** `/opengallery/tenants...`: the tenants of an installation, for its owner. What is in a tenant is its own administrators' business. */
export const tenantRoutes = (app: FastifyInstance, parts: TenantParts): void => {
  const { directory } = parts.identity
  app.get('/opengallery/tenants', async () => {
    const tenants = await directory.tenants()
    return {
      tenants: await Promise.all(tenants.map(async tenant => ({ ...tenant, ...(await countsOf(tenant, parts)) }))),
    }
  })
  app.post('/opengallery/tenants', request =>
    explained(async () => {
      const { displayName, domain, administrator } = bodyOf(request)
      const name = textOf(displayName, 'displayName')
      const user = administrator === undefined ? undefined : readUser(administrator)
      const tenant = await directory.addTenant({
        displayName: name,
        ...(domain !== undefined && { domain: textOf(domain, 'domain') }),
      })
      try {
        return { ...tenant, administrator: await addAdministrator(tenant, user, parts) }
      } catch (error) {
        // Whoever is refused finds nothing changed: the same name and domain can be asked for again.
        await directory.removeTenant(tenant.tenantId)
        throw error
      }
    }),
  )
  app.post<Named>('/opengallery/tenants/:id/administrators', request =>
    explained(async () => {
      const tenant = await requireTenant(request.params.id, parts)
      const { administrator } = bodyOf(request)
      const user = administrator === undefined ? undefined : readUser(administrator)
      return { ...tenant, administrator: await addAdministrator(tenant, user, parts) }
    }),
  )
  app.post<Named>('/opengallery/tenants/:id/domains', request =>
    explained(async () => {
      const { tenantId } = await requireTenant(request.params.id, parts)
      await directory.addDomain(tenantId, textOf(bodyOf(request).domain, 'domain'))
      return requireTenant(tenantId, parts)
    }),
  )
  app.delete<Named>('/opengallery/tenants/:id', async (request, reply) => {
    const tenant = await requireTenant(request.params.id, parts)
    if (tenant.tenantId === parts.tenantId)
      throw tenantError.staying('The tenant of the installation itself can not be removed.')
    const { subscriptions } = await countsOf(tenant, parts)
    if (subscriptions > 0)
      throw tenantError.staying(`The tenant has ${subscriptions} subscriptions: remove those first.`)
    await directory.removeTenant(tenant.tenantId)
    return reply.code(204).send()
  })
}

type Named = { Params: { id: string } }

const countsOf = async ({ tenantId }: Tenant, { arm, identity }: TenantParts) => {
  const documents = await listAll(arm.resources, { type: SUBSCRIPTIONS })
  const principals = await identity.directory.principals(tenantId)
  return {
    subscriptions: documents.filter(({ properties }) => properties.tenantId === tenantId).length,
    principals: principals.length,
  }
}

const requireTenant = async (id: string, { identity }: TenantParts): Promise<Tenant> => {
  const tenant = (await identity.directory.tenants()).find(({ tenantId }) => tenantId === id.toLowerCase())
  if (!tenant) throw tenantError.unknown(id.slice(0, 100))
  return tenant
}

interface NewAdministrator {
  readonly userPrincipalName: string
  readonly displayName: string
}

const readUser = (administrator: Json): NewAdministrator => {
  const { userPrincipalName, displayName } = (administrator ?? {}) as JsonObject
  const name = textOf(userPrincipalName, 'userPrincipalName')
  return { userPrincipalName: name, displayName: displayName === undefined ? name : textOf(displayName, 'displayName') }
}

/** A person or, unless one is named, a program that may do everything in the tenant, with what it signs in by, shown this once. */
const addAdministrator = async (tenant: Tenant, user: NewAdministrator | undefined, parts: TenantParts) => {
  const { tenantId } = tenant
  if (user) {
    const { directory, random } = parts.identity
    const domain = user.userPrincipalName.split('@')[1]?.toLowerCase() ?? ''
    if (!tenant.domains.includes(domain))
      throw tenantError.refused(`The user's name must end in a domain of the tenant: ${tenant.domains.join(', ')}.`)
    const password = secretText(random, 15)
    const { objectId } = await directory.addUser({ tenantId, ...user, password })
    await parts.makeOwner({ tenantId, objectId, principalType: 'User' }, '')
    return { objectId, userPrincipalName: user.userPrincipalName.toLowerCase(), password }
  }
  const { directory, applications } = parts.identity
  const displayName = `${tenant.displayName} administrator`
  const { appId: clientId, objectId: applicationId } = await applications.add(tenantId, namedApplication(displayName))
  const { objectId } = await directory.addServicePrincipal({ tenantId, displayName, appId: clientId })
  const { secret: clientSecret } = await directory.addSecret(applicationId)
  await parts.makeOwner({ tenantId, objectId, principalType: 'ServicePrincipal' }, '')
  return { objectId, clientId, clientSecret }
}

const explained = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DirectoryRefused)) throw error
    throw tenantError.refused(error.message)
  }
}

const bodyOf = ({ body }: FastifyRequest): JsonObject => {
  try {
    const value = Buffer.isBuffer(body) && body.length > 0 ? (JSON.parse(body.toString()) as Json) : {}
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  } catch (cause) {
    throw new ArmError(400, 'InvalidRequestContent', 'The body is not JSON.', { cause })
  }
  throw armError.invalidRequestContent('the body is no JSON object')
}

const textOf = (value: Json | undefined, name: string): string => {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= 256) return value.trim()
  throw tenantError.refused(`'${name}' is a text of 1 to 256 characters.`)
}
