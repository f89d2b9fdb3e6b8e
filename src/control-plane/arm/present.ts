import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import type { Arm, ArmRequest, ResourceType, View } from './resource-type.ts'

/** The body that a client sees of a stored resource. */
export const present = async (
  type: ResourceType,
  document: ResourceDocument,
  view: View,
  arm: Arm,
): Promise<JsonObject> => {
  const shown = await type.present?.(document, view, arm)
  return {
    id: document.id,
    name: document.name,
    type: document.type,
    ...(document.location === undefined ? {} : { location: document.location }),
    ...(document.tags === undefined ? {} : { tags: document.tags }),
    ...(shown?.envelope ?? document.envelope),
    systemData: { ...document.systemData },
    properties: {
      ...(shown?.properties ?? document.properties),
      provisioningState: shown?.provisioningState ?? document.provisioningState,
    },
  }
}

/** What a request asks to see; throws for an expansion that the type does not have. */
export const viewOf = (type: ResourceType, request: ArmRequest, verb: View['verb']): View => {
  const asked = (request.query.get('$expand') ?? '')
    .toLowerCase()
    .split(',')
    .map(value => value.trim())
    .filter(value => value !== '')
  const unknown = verb === 'write' ? undefined : asked.find(value => !type.expands?.includes(value))
  if (unknown) throw armError.invalidQueryParameter('$expand', unknown)
  return { request, verb, expand: new Set(asked) }
}
