import type { Json, JsonObject } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import { ResourceId } from './resource-id.ts'
import { literalsOf, memberOf, type SchemaNode, valuesOf } from './schema-marks.ts'

const MAX_ITEMS = 1000

export interface ReadOptions {
  /** Where the value stands: `galleryImage.properties`. */
  readonly path: string
  /** Keep explicit nulls: in a PATCH they clear a property. */
  readonly keepNull: boolean
}

/**
 * Checks what a client sent against a schema and gives it back in canonical form: enum values in the schema's spelling, dates as
 * ISO 8601 UTC, read-only members and empty objects left out. Throws Azure's refusals, each with the path of the culprit.
 */
export const readBody = (node: SchemaNode, value: Json, options: ReadOptions): JsonObject => {
  const read = readValue(node, value, options)
  if (!isObject(read)) throw armError.invalidRequestContent(`'${options.path}' must be a JSON object`)
  return read
}

const readValue = (node: SchemaNode, value: Json, options: ReadOptions): Json | undefined => {
  const literals = literalsOf(node)
  if (literals) return readLiteral(literals, value, options.path, node)
  switch (node.type) {
    case 'object':
      return readObject(node, value, options)
    case 'array':
      return readArray(node, value, options)
    case 'string':
      return readString(node, value, options.path)
    case 'integer':
    case 'number':
      return readNumber(node, value, options.path)
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(value, 'Boolean', options.path)
      return value
    default:
      return value
  }
}

const readObject = (node: SchemaNode, value: Json, options: ReadOptions): JsonObject => {
  if (!isObject(value)) throw wrongType(value, 'Object', options.path)
  const read: [string, Json][] = []
  const values = valuesOf(node)
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const [known, schema] = memberOf(node, name) ?? [name, values]
    if (!schema) throw armError.unknownMember(name, options.path.split('.').at(-1) ?? '', `${options.path}.${name}`)
    if (schema.readOnly) continue
    if (member === null) {
      if (options.keepNull || values) read.push([known, null])
      continue
    }
    const canonical = readValue(schema, member, { ...options, path: `${options.path}.${known}` })
    if (canonical !== undefined && !isEmptyStructure(schema, canonical, options)) read.push([known, canonical])
  }
  return Object.fromEntries(read) // a member named __proto__ stays one
}

/** Terraform and az send `{}` for structures that the user left out. */
const isEmptyStructure = (schema: SchemaNode, value: Json, options: ReadOptions) =>
  !options.keepNull && schema.properties !== undefined && isObject(value) && Object.keys(value).length === 0

const readArray = (node: SchemaNode, value: Json, options: ReadOptions): Json => {
  if (!Array.isArray(value)) throw wrongType(value, 'Array', options.path)
  const maximum = node.maxItems ?? MAX_ITEMS
  if (value.length > maximum || value.length < (node.minItems ?? 0))
    throw armError.invalidParameter(
      `The parameter '${options.path}' must have between ${node.minItems ?? 0} and ${maximum} items.`,
      options.path,
    )
  const { items } = node
  if (!items) return value
  return value.map((item, index) => {
    const path = `${options.path}[${index}]`
    if (item === null) throw wrongType(item, items.type ?? 'Object', path)
    const read = readValue(items, item, { path, keepNull: false }) as Json
    if (items.type === 'object') requireMembers(items, read as JsonObject, path)
    return read
  })
}

const readLiteral = (literals: readonly unknown[], value: Json, path: string, node: SchemaNode): Json | undefined => {
  if (value === '' && node.emptyIsAbsent) return undefined
  const found = literals.find(literal =>
    typeof literal === 'string' && typeof value === 'string'
      ? literal.toLowerCase() === value.toLowerCase()
      : literal === value,
  )
  if (found === undefined)
    throw armError.invalidValue(path, shown(value), `Allowed values are: ${literals.join(', ')}.`)
  return found as Json
}

const readString = (node: SchemaNode, value: Json, path: string): string | undefined => {
  if (typeof value !== 'string') throw wrongType(value, 'String', path)
  if (value === '' && (node.emptyIsAbsent || node.format === 'date-time')) return undefined
  if (node.format === 'date-time') return readDate(value, path)
  if (node.format === 'arm-id' && !ResourceId.parse(value)?.subscriptionId && !value.startsWith('/providers/'))
    throw armError.invalidResourceReference(value, path)
  const length = [...value].length
  if (length > (node.maxLength ?? 8192) || length < (node.minLength ?? 0))
    throw armError.invalidValue(
      path,
      shown(value),
      `Its length must be between ${node.minLength ?? 0} and ${node.maxLength ?? 8192} characters.`,
    )
  if (node.pattern && !new RegExp(node.pattern, 'u').test(value))
    throw armError.invalidValue(path, shown(value), `It must match '${node.pattern}'.`)
  return value
}

const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i

const readDate = (value: string, path: string): string => {
  const withZone = /T|\s/.test(value) && !/(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? `${value}Z` : value
  const timeMs = DATE.test(value) ? Date.parse(withZone) : Number.NaN
  if (Number.isNaN(timeMs)) throw armError.notADate(value.slice(0, 100), path)
  return new Date(timeMs).toISOString()
}

const readNumber = (node: SchemaNode, value: Json, path: string): number => {
  if (typeof value !== 'number' || (node.type === 'integer' && !Number.isSafeInteger(value)))
    throw wrongType(value, node.type === 'integer' ? 'Int32' : 'Double', path)
  const { minimum = -(2 ** 53), maximum = 2 ** 53 } = node
  if (value < minimum || value > maximum) throw armError.outOfRange(value, path, minimum, maximum)
  return value
}

/** Throws when a required member of an object is absent. */
export const requireMembers = (node: SchemaNode, value: JsonObject, path: string): void => {
  for (const name of node.required ?? [])
    if (value[name] === undefined && !node.properties?.[name]?.readOnly)
      throw armError.missingProperty(`${path}.${name}`)
  for (const [name, schema] of Object.entries(node.properties ?? {})) {
    const member = value[name]
    if (schema.type === 'object' && isObject(member)) requireMembers(schema, member, `${path}.${name}`)
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const shown = (value: Json) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 200)
const wrongType = (value: Json, expected: string, path: string) =>
  armError.wrongType(JSON.stringify(value)?.slice(0, 200) ?? 'null', expected, path)
