import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import { isObject, requireMembers } from './read-body.ts'
import { literalsOf, type SchemaNode } from './schema-marks.ts'

interface Merge {
  readonly verb: 'PUT' | 'PATCH'
  /** The resource exists: immutable members may not change. */
  readonly updating: boolean
  /** Inherited from an enclosing member. */
  readonly immutable: boolean
}

/**
 * What is to be stored when `given` (as `readBody` returns it) is written over `stored`: absent members are taken over where
 * their marks say so, else become their default. Throws `PropertyChangeNotAllowed` and «required parameter is missing».
 *
 * Why absent is not «cleared» everywhere: az reads a resource, drops what its model does not know (sources, read-only values) and
 * PUTs the rest back; Terraform PUTs back whatever GET gave it.
 */
export const mergeBody = (
  node: SchemaNode,
  stored: JsonObject | undefined,
  given: JsonObject,
  verb: 'PUT' | 'PATCH',
  path: string,
): JsonObject => {
  const merged = mergeObject(node, stored, given, { verb, updating: stored !== undefined, immutable: false }, path)
  requireMembers(node, merged, path)
  return merged
}

const mergeObject = (
  node: SchemaNode,
  stored: JsonObject | undefined,
  given: JsonObject,
  merge: Merge,
  path: string,
): JsonObject => {
  if (!node.properties) return given
  const merged: Record<string, Json> = {}
  for (const [name, schema] of Object.entries(node.properties)) {
    const value = mergeMember(schema, stored?.[name], given[name], merge, `${path}.${name}`)
    if (value !== undefined && value !== null) merged[name] = value
  }
  return merged
}

const mergeMember = (
  schema: SchemaNode,
  stored: Json | undefined,
  given: Json | undefined,
  outer: Merge,
  path: string,
): Json | undefined => {
  if (schema.readOnly) return stored
  if (schema.writeOnly) return undefined
  const merge = { ...outer, immutable: outer.immutable || schema.immutable === true }
  if (given === undefined) return absent(schema, stored, merge, path)
  const frozen = merge.updating && merge.immutable
  if (schema.properties && isObject(given)) {
    const inner = isObject(stored) ? stored : undefined
    return mergeObject(schema, inner, given, merge, path)
  }
  if (frozen && !isSame(schema, stored, given)) throw armError.propertyChangeNotAllowed(path)
  if (given === null) return schema.default as Json | undefined
  // It is the same, though perhaps with a signature that the stored one lacks and the work needs.
  return frozen && schema.format !== 'signed-uri' ? stored : given
}

const absent = (schema: SchemaNode, stored: Json | undefined, merge: Merge, path: string): Json | undefined => {
  if (merge.updating && (merge.immutable || schema.keep || merge.verb === 'PATCH')) return stored
  if (schema.properties && (isObject(stored) || hasDefault(schema))) {
    const inner = mergeObject(schema, isObject(stored) ? stored : undefined, {}, merge, path)
    return Object.keys(inner).length > 0 ? inner : undefined
  }
  return schema.default as Json | undefined
}

const hasDefault = (schema: SchemaNode): boolean =>
  Object.values(schema.properties ?? {}).some(member => member.default !== undefined || hasDefault(member))

/** Ids are equal in any case; an absent value equals an empty one and the default. */
const isSame = (schema: SchemaNode, stored: Json | undefined, given: Json): boolean => {
  if (given === null) return stored === undefined
  if (stored === undefined) return given === '' || (schema.default !== undefined && given === schema.default)
  if (typeof stored === 'string' && typeof given === 'string')
    return (
      stored === given ||
      (schema.format === 'signed-uri' && stored === given.split(/[?#]/, 1)[0]) ||
      ((schema.format === 'arm-id' || literalsOf(schema) !== undefined) && stored.toLowerCase() === given.toLowerCase())
    )
  return isDeepStrictEqual(stored, given)
}
