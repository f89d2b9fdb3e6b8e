import { findObject, findObjects } from './find-objects.ts'
import { readBody } from './graph-body.ts'
import type { GraphCall, GraphParts, GraphRoute, Words } from './graph-call.ts'
import { graphError } from './graph-error.ts'
import { checkMemberGroups, memberGroups } from './member-of.ts'
import { shown } from './odata-answer.ts'

const mostIds = 1000

/** Whatever has an object id. */
export const directoryObjectRoutes: readonly GraphRoute[] = [
  {
    method: 'POST',
    path: '/directoryObjects/getByIds',
    async run(call, parts) {
      const { ids, types } = readIds(call)
      const found = await findObjects(ids, call, parts)
      const value = types ? found.filter(object => types.has(String(object['@odata.type']).toLowerCase())) : found
      return { status: 200, body: { '@odata.context': `${call.root}/$metadata#directoryObjects`, value } }
    },
  },
  {
    method: 'GET',
    path: '/directoryObjects/:id',
    run: async (call, parts) => shown(call, '/directoryObjects', await requireObject(call, parts)),
  },
  {
    method: 'POST',
    path: '/directoryObjects/:id/checkMemberGroups',
    run: async (call, parts) => checkMemberGroups(String((await requireObject(call, parts)).id), call, parts),
  },
  {
    method: 'POST',
    path: '/directoryObjects/:id/getMemberGroups',
    run: async (call, parts) => memberGroups(String((await requireObject(call, parts)).id), call, parts),
  },
]

const requireObject = async (call: GraphCall, parts: GraphParts): Promise<Words> => {
  const { id = '' } = call.params
  const object = await findObject(id, call, parts)
  if (!object) throw graphError.notFound(id)
  return object
}

/** The body `{"ids": [...], "types": ["user", ...]}`: no types are all types. */
const readIds = ({ body }: GraphCall): { ids: string[]; types: ReadonlySet<string> | undefined } => {
  const { ids, types, ...rest } = body
  readBody(rest, 'getByIds').end()
  if (!isTexts(ids) || ids.length > mostIds) throw graphError.badProperty('ids', 'getByIds')
  if (types === undefined || types === null) return { ids: [...new Set(ids)], types: undefined }
  if (!isTexts(types)) throw graphError.badProperty('types', 'getByIds')
  const wanted = types.map(type => `#microsoft.graph.${type.toLowerCase()}`)
  const isAll = wanted.includes('#microsoft.graph.directoryobject')
  return { ids: [...new Set(ids)], types: isAll || types.length === 0 ? undefined : new Set(wanted) }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(text => typeof text === 'string')
