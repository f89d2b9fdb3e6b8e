import { armError } from '../arm-error.ts'
import { present, viewOf } from '../present.ts'
import type { ResourceId } from '../resource-id.ts'
import type { ArmRequest, ArmResponse, ResourceType } from '../resource-type.ts'
import type { VerbParts } from './context.ts'
import { names, notFound, requireDocument, requireScope } from './preconditions.ts'

/** GET and HEAD of one resource. HEAD answers 204 or 404, as `az group exists` expects. */
export const get = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  { arm }: VerbParts,
): Promise<ArmResponse> => {
  if (type.computed) return getComputed(type, id, request, { arm })
  const document = await requireDocument(id, type, arm)
  if (request.method === 'HEAD') return { status: 204, headers: {} }
  const headers = { etag: `"${document.etag}"` }
  const noneMatch = request.headers['if-none-match']
  if (noneMatch !== undefined && names(noneMatch, document.etag)) return { status: 304, headers }
  return { status: 200, headers, body: await present(type, document, viewOf(type, request, 'get'), arm) }
}

const getComputed = async (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  { arm }: Pick<VerbParts, 'arm'>,
): Promise<ArmResponse> => {
  await requireScope(id, arm)
  if (type.computed?.answer) return type.computed.answer(id, request, arm)
  if (!type.computed?.get) throw armError.methodNotAllowed(request.method, type.type)
  const body = await type.computed.get(id, request, arm)
  if (body === undefined) throw notFound(id, type)
  return request.method === 'HEAD' ? { status: 204, headers: {} } : { status: 200, headers: {}, body }
}
