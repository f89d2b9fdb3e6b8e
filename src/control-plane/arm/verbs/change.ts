import type { TSchema } from 'typebox'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { armError } from '../arm-error.ts'
import { mergeBody } from '../merge-body.ts'
import { isObject, readBody } from '../read-body.ts'
import type { ResourceId } from '../resource-id.ts'
import type { Arm, ArmRequest, Change, ResourceType } from '../resource-type.ts'
import { nodeOf } from '../schema-marks.ts'
import { readTags } from './tags.ts'

/** Members of a body that clients send back as they got them; nothing of them can be written. */
const ECHOED = new Set(['id', 'name', 'type', 'etag', 'systemdata'])

/** Reads a PUT's or PATCH's body and merges it over what is stored: everything a type's rules need, checked. */
export const readChange = (
  type: ResourceType,
  id: ResourceId,
  request: ArmRequest,
  existing: ResourceDocument | undefined,
  parent: ResourceDocument | undefined,
  arm: Arm,
): Change => {
  const verb = request.method as 'PUT' | 'PATCH'
  const { location, tags, rest } = splitBody(type, request)
  const path = type.bodyName ?? lowerFirst(type.type.split('/').at(-1) ?? '')
  const schema = nodeOf(type.schema as TSchema)
  const given = readBody(schema, rest, { path, keepNull: verb === 'PATCH' })
  const stored = existing && { ...existing.envelope, properties: existing.properties }
  const { properties, ...envelope } = mergeBody(schema, stored, given, verb, path)
  const place = placeOf(type, id, existing, parent, arm)
  const readLocation = type.tracked ? locationOf(type, id, location, existing, arm) : undefined
  const readNewTags = type.tracked ? tagsOf(tags, existing, verb) : undefined
  const wanted: ResourceDocument = {
    ...place,
    ...(readLocation === undefined ? {} : { location: readLocation }),
    ...(readNewTags === undefined ? {} : { tags: readNewTags }),
    envelope,
    properties: isObject(properties) ? properties : {},
    systemData: stamp(request, existing, arm),
    etag: arm.random.uuid(),
  }
  return { verb, id, request, existing, parent, wanted, given }
}

const splitBody = (type: ResourceType, request: ArmRequest) => {
  if (request.body === undefined) throw armError.missingRequestBody()
  if (!isObject(request.body)) throw armError.invalidRequestContent('the body must be a JSON object')
  const rest: [string, JsonObject[string]][] = []
  let location: JsonObject[string]
  let tags: JsonObject[string]
  for (const [name, value] of Object.entries(request.body)) {
    const lower = name.toLowerCase()
    if (ECHOED.has(lower)) continue
    if (type.tracked && lower === 'location') location = value
    else if (type.tracked && lower === 'tags') tags = value
    else rest.push([name, value])
  }
  // Made in one go: `rest.__proto__ = value` would hide the member instead of having it refused.
  return { location, tags, rest: Object.fromEntries(rest) as JsonObject }
}

type Place = Omit<ResourceDocument, 'location' | 'tags' | 'envelope' | 'properties' | 'systemData' | 'etag'>

const placeOf = (
  type: ResourceType,
  id: ResourceId,
  existing: ResourceDocument | undefined,
  parent: ResourceDocument | undefined,
  arm: Arm,
): Place => {
  if (existing) {
    const { location, tags, envelope, properties, systemData, etag, ...place } = existing
    return place
  }
  const canonical = id.inCaseOf(type.type)
  // The id keeps the case in which its parents were created, whatever this request wrote.
  const tail = canonical.toString().slice(parent?.id.length ?? 0)
  return {
    id: `${parent?.id ?? ''}${tail}`,
    key: id.key,
    type: type.type,
    name: id.name,
    parentKey: parent?.key ?? '',
    ...(id.subscriptionId === undefined ? {} : { subscriptionId: id.subscription?.name ?? id.subscriptionId }),
    ...(id.group && id.group.key !== id.key ? { groupKey: id.group.key } : {}),
    provisioningState: 'Succeeded',
    hidden: {},
    uid: arm.random.uuid(),
    version: 1,
  }
}

const locationOf = (
  type: ResourceType,
  id: ResourceId,
  given: JsonObject[string],
  existing: ResourceDocument | undefined,
  arm: Arm,
): string | undefined => {
  if (given === undefined || given === null || given === '') {
    if (existing) return existing.location
    throw armError.locationRequired()
  }
  if (typeof given !== 'string') throw armError.wrongType(JSON.stringify(given).slice(0, 200), 'String', 'location')
  const location = arm.findLocation(given)
  if (!location)
    throw armError.locationNotAvailable(
      given.slice(0, 100),
      type.type,
      arm.locations.map(known => known.name),
    )
  if (existing && existing.location !== location.name)
    throw (
      type.relocated?.(existing, location.name) ??
      armError.invalidResourceLocation(existing.name, existing.location ?? '', id.resourceGroup ?? '', location.name)
    )
  return location.name
}

const tagsOf = (given: JsonObject[string], existing: ResourceDocument | undefined, verb: 'PUT' | 'PATCH') => {
  if (given === undefined) return verb === 'PATCH' ? existing?.tags : undefined
  return given === null ? undefined : readTags(given)
}

const stamp = (request: ArmRequest, existing: ResourceDocument | undefined, arm: Arm) => {
  const at = arm.clock.now().toISOString()
  const { displayName, kind } = request.caller
  return {
    createdBy: existing?.systemData.createdBy ?? displayName,
    createdByType: existing?.systemData.createdByType ?? kind,
    createdAt: existing?.systemData.createdAt ?? at,
    lastModifiedBy: displayName,
    lastModifiedByType: kind,
    lastModifiedAt: at,
  }
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
