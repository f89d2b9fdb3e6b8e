import { findObjects, requireUser, viewUser } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import { done, type GraphCall, type GraphParts, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { memberGroups, memberOf } from './member-of.ts'
import { listed, shown } from './odata-answer.ts'

/** The person who asks; programs are told to ask for themselves by their id, as Graph tells them. */
export const meRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/me',
    async run(call, parts) {
      requirePerson(call)
      return shown(call, '/users', await viewUser(await requireUser(call, parts, call.caller.objectId), parts))
    },
  },
  {
    method: 'GET',
    path: '/me/ownedObjects',
    async run(call, parts) {
      requirePerson(call)
      const owned = await findObjects(await parts.identity.owners.ownedBy(call.caller.objectId), call, parts)
      return listed(call, '/directoryObjects', owned, new Set(['id', 'displayName']))
    },
  },
  {
    method: 'GET',
    path: '/me/memberOf',
    async run(call, parts) {
      requirePerson(call)
      return memberOf(call.caller.objectId, call, parts)
    },
  },
  {
    method: 'POST',
    path: '/me/getMemberGroups',
    async run(call, parts) {
      requirePerson(call)
      return memberGroups(call.caller.objectId, call, parts)
    },
  },
  {
    method: 'POST',
    path: '/me/changePassword',
    async run(call, parts) {
      requirePerson(call)
      const body = readBody(call.body, 'User')
      const [current, wanted] = [body.requiredText('currentPassword'), body.requiredText('newPassword')]
      body.end()
      await requirePassword(current, call, parts)
      await parts.identity.directory.setPassword(call.caller.objectId, wanted)
      return done
    },
  },
]

const requirePerson = ({ caller }: GraphCall): void => {
  if (caller.kind !== 'User') throw graphError.onlyForUsers()
}

/** A token alone, which may be stolen, is not enough to take an account over; guesses are counted as at the sign-in. */
const requirePassword = async (secret: string, call: GraphCall, parts: GraphParts): Promise<void> => {
  const known = await requireUser(call, parts, call.caller.objectId)
  const name = `user:${known.principal.userPrincipalName}`
  const verdict = await parts.identity.checkSecret({ name, secret, known, remote: call.remote })
  if (verdict.is !== 'right') throw graphError.refused('The specified password is not correct.')
}
