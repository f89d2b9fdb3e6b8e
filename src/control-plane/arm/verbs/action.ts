import type { TSchema } from 'typebox'
import type { JsonObject } from '#resources/resource-document.ts'
import { armError } from '../arm-error.ts'
import { mergeBody } from '../merge-body.ts'
import { operationHeaders } from '../operation-urls.ts'
import { readBody } from '../read-body.ts'
import { findIgnoringCase } from '../registry.ts'
import type { ResourceId } from '../resource-id.ts'
import type { Action, ActionAnswer, ArmRequest, ArmResponse, ComputedAction, ResourceType } from '../resource-type.ts'
import { nodeOf } from '../schema-marks.ts'
import type { VerbParts } from './context.ts'
import { decideAnew } from './decide-anew.ts'
import { enqueueWork } from './enqueue-work.ts'
import { requireDocument, requireScope } from './preconditions.ts'

/** What a POST's last segment means for a type: its own action, a computed one, or one of a provider. */
export type FoundAction = { readonly stored: Action } | { readonly computed: ComputedAction }

/** Throws when the type has no such action, or none for clients. */
export const findAction = (
  type: ResourceType,
  id: ResourceId,
  name: string,
  isFromWithin: boolean,
  parts: VerbParts,
): FoundAction => {
  const stored = findIgnoringCase(type.actions, name)
  if (stored && (isFromWithin || !stored.internal)) return { stored }
  const computed =
    findIgnoringCase(type.computed?.actions ?? type.unstoredActions, name) ??
    parts.registry.findProviderAction(id, name)
  if (computed) return { computed }
  throw armError.unknownAction(name, type.type)
}

/** POST of an action on a resource; decided anew when another writer came first. */
export const act = async (
  type: ResourceType,
  id: ResourceId,
  action: FoundAction,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  if ('computed' in action) {
    await requireScope(id, parts.arm)
    const body = readActionBody(action.computed.body, request)
    const answer = await action.computed.run({ id, request, body }, parts.arm)
    return answer === undefined ? { status: 204, headers: {} } : { status: 200, headers: {}, body: answer }
  }
  return decideAnew(() => actOnce(type, id, action.stored, request, parts))
}

const actOnce = async (
  type: ResourceType,
  id: ResourceId,
  action: Action,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const document = await requireDocument(id, type, parts.arm)
  const body = readActionBody(action.body, request)
  const answer = await action.run({ id, document, request, body }, parts.arm)
  return 'work' in answer ? begin(type, document, answer, request, parts) : finish(answer, request, parts)
}

const readActionBody = (schema: TSchema | undefined, request: ArmRequest): JsonObject => {
  if (!schema) return {}
  const read = readBody(nodeOf(schema), request.body ?? {}, { path: 'parameters', keepNull: false })
  return mergeBody(nodeOf(schema), undefined, read, 'PUT', 'parameters')
}

const finish = async (
  answer: Extract<ActionAnswer, { status: number }>,
  request: ArmRequest,
  { arm, database }: VerbParts,
): Promise<ArmResponse> => {
  const { document, status } = answer
  const body = answer.body === undefined ? {} : { body: answer.body }
  if (!document) return { status, headers: {}, ...body }
  await database.transact(async transaction => {
    await arm.resources.update(transaction, document)
    await request.activity?.note(transaction, 'Succeeded', status)
  })
  return { status, headers: {}, ...body, isWrittenDown: true }
}

const begin = async (
  type: ResourceType,
  document: Parameters<typeof enqueueWork>[2],
  answer: Extract<ActionAnswer, { work: unknown }>,
  request: ArmRequest,
  parts: VerbParts,
): Promise<ArmResponse> => {
  const operation = await parts.database.transact(async transaction => {
    const saved = answer.document ? await parts.arm.resources.update(transaction, answer.document) : document
    await request.activity?.note(transaction, 'Accepted', 202)
    return enqueueWork(transaction, type, saved, answer.work, request, parts)
  })
  parts.operations.wake()
  return { status: 202, headers: operationHeaders(operation, request), isWrittenDown: true }
}
