import { type TSchema, Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import { mergeBody } from '#arm/merge-body.ts'
import { isObject, readBody } from '#arm/read-body.ts'
import type { ArmRequest } from '#arm/resource-type.ts'
import { nodeOf } from '#arm/schema-marks.ts'
import type { JsonObject } from '#resources/resource-document.ts'

/** What a client sends back as it got it. */
const ECHOED = new Set(['id', 'name', 'type', 'systemdata'])

/** The properties of a PUT's body, checked against their schema. */
export const readProperties = (schema: TSchema, { body }: ArmRequest, name: string): JsonObject => {
  if (body === undefined) throw armError.missingRequestBody()
  if (!isObject(body)) throw armError.invalidRequestContent('the body must be a JSON object')
  const node = nodeOf(Type.Object({ properties: schema }))
  const rest = Object.fromEntries(Object.entries(body).filter(([member]) => !ECHOED.has(member.toLowerCase())))
  const read = readBody(node, rest, { path: name, keepNull: false })
  return (mergeBody(node, undefined, read, 'PUT', name).properties ?? {}) as JsonObject
}
