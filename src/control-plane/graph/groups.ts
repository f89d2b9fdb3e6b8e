import type { GroupWords } from '#identity/groups.ts'
import { groupProperties, groupView } from './directory-views.ts'
import { findObjects, referenced, requireGroup } from './find-objects.ts'
import { type BodyReader, readBody } from './graph-body.ts'
import { done, type GraphRoute } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { memberGroups, memberOf } from './member-of.ts'
import { listed, shown } from './odata-answer.ts'
import { ownerRoutes } from './owner-routes.ts'
import { requireAdministrator, requireOwner } from './rights.ts'

const resource = 'Group'
const memberProperties = new Set(['id', 'displayName', 'userPrincipalName', 'appId'])

/** Security groups. */
export const groupRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/groups',
    run: async (call, parts) =>
      listed(call, '/groups', (await parts.identity.groups.list(call.caller.tenantId)).map(groupView), groupProperties),
  },
  {
    method: 'POST',
    path: '/groups',
    async run(call, parts) {
      await requireAdministrator(call, parts)
      const body = readBody(call.body, resource)
      const displayName = body.requiredText('displayName')
      const words = readWords(body)
      if (!words.mailNickname) throw graphError.missingProperty('mailNickname', resource)
      const { mailNickname, description = null } = words
      body.end()
      const group = await parts.identity.groups.add(call.caller.tenantId, { displayName, mailNickname, description })
      return shown(call, '/groups', groupView(group), 201)
    },
  },
  {
    method: 'GET',
    path: '/groups/:id',
    run: async (call, parts) => shown(call, '/groups', groupView(await requireGroup(call, parts))),
  },
  {
    method: 'PATCH',
    path: '/groups/:id',
    async run(call, parts) {
      const { objectId } = await requireGroup(call, parts)
      await requireOwner(call, parts, [objectId])
      const body = readBody(call.body, resource)
      const displayName = body.text('displayName')
      const words = readWords(body)
      body.end()
      await parts.identity.groups.change(objectId, { ...words, ...(displayName && { displayName }) })
      return done
    },
  },
  {
    method: 'DELETE',
    path: '/groups/:id',
    async run(call, parts) {
      const { objectId } = await requireGroup(call, parts)
      await requireOwner(call, parts, [objectId])
      await parts.identity.groups.remove(objectId)
      return done
    },
  },
  {
    method: 'GET',
    path: '/groups/:id/members',
    async run(call, parts) {
      const { objectId } = await requireGroup(call, parts)
      const members = await findObjects(await parts.identity.groups.membersOf(objectId), call, parts)
      return listed(call, '/directoryObjects', members, memberProperties)
    },
  },
  {
    method: 'POST',
    path: '/groups/:id/members/$ref',
    async run(call, parts) {
      const { objectId } = await requireGroup(call, parts)
      await requireOwner(call, parts, [objectId])
      await parts.identity.groups.addMember(objectId, referenced(call))
      return done
    },
  },
  {
    method: 'DELETE',
    path: '/groups/:id/members/:memberId/$ref',
    async run(call, parts) {
      const { objectId } = await requireGroup(call, parts)
      await requireOwner(call, parts, [objectId])
      await parts.identity.groups.removeMember(objectId, call.params.memberId ?? '')
      return done
    },
  },
  ...ownerRoutes('groups', requireGroup, memberProperties),
  {
    method: 'GET',
    path: '/groups/:id/memberOf',
    run: async (call, parts) => memberOf((await requireGroup(call, parts)).objectId, call, parts),
  },
  {
    method: 'POST',
    path: '/groups/:id/getMemberGroups',
    run: async (call, parts) => memberGroups((await requireGroup(call, parts)).objectId, call, parts),
  },
]

/** What a body says beside the name; groups for mail are not there. */
const readWords = (body: BodyReader): Partial<Pick<GroupWords, 'mailNickname' | 'description'>> => {
  const mailNickname = body.text('mailNickname', 64)
  const description = body.text('description', 1024)
  if (body.flag('mailEnabled') === true) throw graphError.badProperty('mailEnabled', resource)
  if (body.flag('securityEnabled') === false) throw graphError.badProperty('securityEnabled', resource)
  return { ...(mailNickname && { mailNickname }), ...(description !== undefined && { description }) }
}
