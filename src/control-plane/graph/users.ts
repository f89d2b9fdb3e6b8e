import { userProperties, userView } from './directory-views.ts'
import { findObjects, requireUser, viewUser } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { memberGroups, memberOf } from './member-of.ts'
import { listed, shown } from './odata-answer.ts'
import { requireAdministrator } from './rights.ts'

const resource = 'User'
const namePattern = /^[\w.'!#^~+-]{1,64}@([^@]+)$/

/** People. */
export const userRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/users',
    async run(call, parts) {
      const { directory, profiles } = parts.identity
      const words = await profiles.inTenant(call.caller.tenantId)
      const principals = await directory.principals(call.caller.tenantId)
      const users = principals.filter(({ principal }) => principal.kind === 'User')
      const views = users.map(known => userView(known, words.get(known.principal.objectId) ?? {}))
      return listed(call, '/users', views, userProperties)
    },
  },
  {
    method: 'POST',
    path: '/users',
    async run(call, parts) {
      await requireAdministrator(call, parts)
      const body = readBody(call.body, resource)
      const userPrincipalName = body.requiredText('userPrincipalName', 113)
      const displayName = body.requiredText('displayName')
      const mailNickname = body.requiredText('mailNickname', 64)
      const password = body.part('passwordProfile')
      if (!password) throw graphError.missingProperty('passwordProfile', resource)
      const secret = password.requiredText('password')
      password.end()
      const isEnabled = body.flag('accountEnabled')
      body.end()
      await requireName(userPrincipalName, call, parts)
      const { directory, profiles } = parts.identity
      const { tenantId } = call.caller
      const user = await directory.addUser({ tenantId, userPrincipalName, displayName, password: secret })
      await profiles.change(user.objectId, { mailNickname })
      if (isEnabled === false) await directory.setDisabled(user.objectId, true)
      const known = await requireUser(call, parts, user.objectId)
      return shown(call, '/users', await viewUser(known, parts), 201)
    },
  },
  {
    method: 'GET',
    path: '/users/:id',
    run: async (call, parts) => shown(call, '/users', await viewUser(await requireUser(call, parts), parts)),
  },
  {
    method: 'PATCH',
    path: '/users/:id',
    async run(call, parts) {
      await requireAdministrator(call, parts)
      const { principal } = await requireUser(call, parts)
      const body = readBody(call.body, resource)
      const displayName = body.text('displayName') ?? undefined
      const mailNickname = body.text('mailNickname', 64) ?? undefined
      const isEnabled = body.flag('accountEnabled')
      const password = body.part('passwordProfile')
      const secret = password?.text('password') ?? undefined
      password?.end()
      body.end()
      const { directory, profiles } = parts.identity
      if (secret !== undefined) await directory.setPassword(principal.objectId, secret)
      if (displayName) await directory.rename(principal.objectId, displayName)
      if (mailNickname) await profiles.change(principal.objectId, { mailNickname })
      if (isEnabled !== undefined) await directory.setDisabled(principal.objectId, !isEnabled)
      return done
    },
  },
  {
    method: 'DELETE',
    path: '/users/:id',
    async run(call, parts) {
      await requireAdministrator(call, parts)
      const { principal } = await requireUser(call, parts)
      await parts.identity.directory.removePrincipal(principal.objectId)
      return done
    },
  },
  {
    method: 'GET',
    path: '/users/:id/memberOf',
    run: async (call, parts) => memberOf((await requireUser(call, parts)).principal.objectId, call, parts),
  },
  {
    method: 'POST',
    path: '/users/:id/getMemberGroups',
    run: async (call, parts) => memberGroups((await requireUser(call, parts)).principal.objectId, call, parts),
  },
  {
    method: 'GET',
    path: '/users/:id/ownedObjects',
    async run(call, parts) {
      const { principal } = await requireUser(call, parts)
      const owned = await findObjects(await parts.identity.owners.ownedBy(principal.objectId), call, parts)
      return listed(call, '/directoryObjects', owned, new Set(['id', 'displayName']))
    },
  },
]

/** The name is one in a domain of the tenant. */
const requireName = async (name: string, { caller }: GraphCall, { identity }: GraphParts): Promise<void> => {
  const domain = namePattern.exec(name)?.[1]?.toLowerCase()
  if (domain === undefined) throw graphError.badProperty('userPrincipalName', resource)
  const domains = await identity.directory.domainsOf(caller.tenantId)
  if (!domains.includes(domain)) throw graphError.badDomain(domains)
}
