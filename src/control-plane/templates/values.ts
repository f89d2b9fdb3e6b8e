import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { Frame } from './frame.ts'
import type { Expression } from './parse-expression.ts'

/** A function value: only the functions that take one, `map` and its like, ever see it. */
export interface Lambda {
  readonly lambda: readonly string[]
  readonly body: Expression
  readonly frame: Frame
}

export type Value = Json | Lambda

/** Lambdas are made by the evaluator only: no JSON can pass for one. */
export const lambdas = new WeakSet<object>()

export const isLambda = (value: Value): value is Lambda =>
  typeof value === 'object' && value !== null && lambdas.has(value)

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The type of a value in Azure's words. */
export const typeName = (value: Value | undefined): string => {
  if (value === undefined || value === null) return 'Null'
  if (isLambda(value)) return 'Lambda'
  if (Array.isArray(value)) return 'Array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'Integer' : 'Float'
  if (typeof value === 'boolean') return 'Boolean'
  return typeof value === 'string' ? 'String' : 'Object'
}

/** A value as the text it is meant to be: what is none is shown as JSON, as a message can use it and no name can equal it. */
export const asText = (value: Json | undefined): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** The own member of that name in any case, the exact one first. A template may name a member `__proto__`. */
export const memberOf = (object: JsonObject, name: string): Json | undefined => {
  if (Object.hasOwn(object, name)) return object[name]
  const lower = name.toLowerCase()
  const found = Object.keys(object).find(key => key.toLowerCase() === lower)
  return found === undefined ? undefined : object[found]
}

/** An object of these members; made in one go, so that `__proto__` is a member like any other. */
export const objectOf = (members: Iterable<readonly [string, Json]>): JsonObject => Object.fromEntries(members)
