import { findObjects } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import type { GraphAnswer, GraphCall, GraphParts } from './graph-call.ts'
import { listed } from './odata-answer.ts'

const properties = new Set(['id', 'displayName', 'description'])

/** The groups that an object is a direct member of. */
export const memberOf = async (objectId: string, call: GraphCall, parts: GraphParts): Promise<GraphAnswer> => {
  const direct = parts.identity.groups.directGroupsOf(objectId)
  return listed(call, '/directoryObjects', await findObjects(direct, call, parts), properties)
}

/** The ids of all groups that an object is in; there are none that are not for security. */
export const memberGroups = async (objectId: string, call: GraphCall, parts: GraphParts): Promise<GraphAnswer> => {
  const body = readBody(call.body, 'getMemberGroups')
  body.flag('securityEnabledOnly')
  body.end()
  return ids(call, parts.identity.groups.groupsOf(objectId))
}

/** Those of the named groups that an object is in. */
export const checkMemberGroups = async (objectId: string, call: GraphCall, parts: GraphParts): Promise<GraphAnswer> => {
  const body = readBody(call.body, 'checkMemberGroups')
  const asked = (body.texts('groupIds') ?? []).map(id => id.toLowerCase())
  body.end()
  const groups = new Set(parts.identity.groups.groupsOf(objectId))
  return ids(
    call,
    asked.filter(id => groups.has(id)),
  )
}

const ids = ({ root }: GraphCall, value: readonly string[]): GraphAnswer => ({
  status: 200,
  body: { '@odata.context': `${root}/$metadata#Collection(Edm.String)`, value },
})
