import { isDeepStrictEqual } from 'node:util'
import { isObject } from '#arm/read-body.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'

/** A property that would change, as Azure's what-if tells it. */
export interface PropertyChange {
  readonly path: string
  readonly propertyChangeType: 'Create' | 'Delete' | 'Modify' | 'Array'
  readonly before?: Json
  readonly after?: Json
  readonly children?: readonly PropertyChange[]
}

/** What changes with every write and says nothing about what was asked for. */
const VOLATILE = new Set(['etag', 'systemData'])

/** A resource as what-if shows it. */
export const payloadOf = (body: JsonObject, apiVersion: string): JsonObject => {
  const members = Object.entries(body).filter(([name]) => !VOLATILE.has(name))
  const shown: [string, Json | undefined][] = members.map(([name, value]) =>
    name === 'properties' && isObject(value) ? [name, withoutState(value)] : [name, value],
  )
  return { apiVersion, ...Object.fromEntries(shown) }
}

/** Resources that stand in another one's properties (subnets, security rules) have a state and an etag of their own. */
const withoutState = (value: Json): Json => {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutState)
  if (!isObject(value)) return value
  const lasting = Object.entries(value).filter(([name]) => name !== 'provisioningState' && name !== 'etag')
  return Object.fromEntries(
    lasting.map(([name, member]) => [name, member === undefined ? member : withoutState(member)]),
  )
}

/** The properties that differ, each with its path. */
export const comparePayloads = (before: JsonObject, after: JsonObject, path = ''): PropertyChange[] => {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap(name => {
    if (path === '' && name === 'apiVersion') return []
    return compareMember(own(before, name), own(after, name), path === '' ? name : `${path}.${name}`)
  })
}

/** A tag may have a name that every JavaScript object has: `constructor`. */
const own = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

const compareMember = (before: Json | undefined, after: Json | undefined, path: string): PropertyChange[] => {
  if (isDeepStrictEqual(before, after)) return []
  if (before === undefined) return [{ path, propertyChangeType: 'Create', before: null, after: after ?? null }]
  if (after === undefined) return [{ path, propertyChangeType: 'Delete', before, after: null }]
  if (isObject(before) && isObject(after)) return comparePayloads(before, after, path)
  if (Array.isArray(before) && Array.isArray(after))
    return [{ path, propertyChangeType: 'Array', before: null, after: null, children: compareItems(before, after) }]
  return [{ path, propertyChangeType: 'Modify', before, after }]
}

const compareItems = (before: readonly Json[], after: readonly Json[]): PropertyChange[] =>
  Array.from({ length: Math.max(before.length, after.length) }, (_, index) => {
    const changes = compareMember(before[index], after[index], String(index))
    return isObject(before[index]) && isObject(after[index]) && changes.length > 0
      ? [
          {
            path: String(index),
            propertyChangeType: 'Modify' as const,
            before: null,
            after: null,
            children: comparePayloads(before[index], after[index]),
          },
        ]
      : changes
  }).flat()
