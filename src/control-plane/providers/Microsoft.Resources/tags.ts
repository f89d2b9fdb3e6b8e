import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import { isObject, readBody } from '#arm/read-body.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import { nodeOf } from '#arm/schema-marks.ts'
import { readTags } from '#arm/verbs/tags.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'

type Tags = Readonly<Record<string, string>>

const schema = nodeOf(
  Type.Object({
    operation: Type.Optional(Type.Union([Type.Literal('Merge'), Type.Literal('Replace'), Type.Literal('Delete')])),
    properties: Type.Object({ tags: Type.Optional(Type.Record(Type.String(), Type.String())) }),
  }),
)

const apiVersions = ['2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01']

/** `{scope}/providers/Microsoft.Resources/tags/default`: the tags of any tracked resource, group or subscription. */
export const tagsType: ResourceType = {
  type: 'Microsoft.Resources/tags',
  apiVersions,
  tracked: false,
  extension: true,
  computed: {
    async get(id, _request, arm) {
      return shown(await taggable(id, arm))
    },
    async write(verb, id, request, arm) {
      const { operation, given } = readChange(verb, request)
      const changed = await retag(id, request, arm, tags => applied(operation, tags, given))
      return { status: 200, headers: {}, body: shown(changed), isWrittenDown: true }
    },
    async preview(id, request, arm) {
      const document = await taggable(id, arm)
      const { given } = readChange('PUT', request)
      return { status: 200, headers: {}, body: shown({ ...document, tags: given }) }
    },
    async remove(id, request, arm) {
      await retag(id, request, arm, () => ({}))
      return { status: 200, headers: {}, isWrittenDown: true }
    },
  },
}

type Operation = 'Merge' | 'Replace' | 'Delete'

const readChange = (verb: 'PUT' | 'PATCH', request: ArmRequest): { operation: Operation; given: Tags } => {
  if (request.body === undefined) throw armError.missingRequestBody()
  const { operation, properties } = readBody(schema, withoutEcho(request.body), { path: 'parameters', keepNull: false })
  const { tags = {} } = (properties ?? {}) as { tags?: Json }
  if (verb === 'PATCH' && operation === undefined) throw armError.missingProperty('parameters.operation')
  return { operation: verb === 'PUT' ? 'Replace' : (operation as Operation), given: readTags(tags) }
}

/** az puts back what it read, id and name included. */
const withoutEcho = (body: Json): Json => {
  if (!isObject(body)) throw armError.invalidRequestContent('the body must be a JSON object')
  const { id: _id, name: _name, type: _type, ...rest } = body
  return rest
}

const applied = (operation: Operation, tags: Tags, given: Tags): Tags => {
  if (operation === 'Replace') return given
  const named = new Set(Object.keys(given).map(name => name.toLowerCase()))
  const others = Object.entries(tags).filter(([name, value]) =>
    operation === 'Merge'
      ? !named.has(name.toLowerCase())
      : !(named.has(name.toLowerCase()) && sameValue(given, name, value)),
  )
  return operation === 'Merge' ? { ...Object.fromEntries(others), ...given } : Object.fromEntries(others)
}

/** A tag is deleted when its value is named too, or when no value is. */
const sameValue = (given: Tags, name: string, value: string) => {
  const wanted = Object.entries(given).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1]
  return wanted === '' || wanted === value
}

const taggable = async (id: ResourceId, arm: Arm): Promise<ResourceDocument> => {
  if (id.name.toLowerCase() !== 'default')
    throw armError.resourceNotFound(`Microsoft.Resources/tags/${id.name}`, '<null>')
  const { scope } = id
  const document = await arm.resources.find(scope.key)
  const carries = document && (document.location !== undefined || document.key === scope.subscription?.key)
  if (!document || !carries)
    throw armError.resourceNotFound(`${scope.type}/${scope.name}`, id.resourceGroup ?? '<null>')
  return document
}

const retag = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  change: (tags: Tags) => Tags,
): Promise<ResourceDocument> => {
  const { key } = await taggable(id, arm)
  return arm.transact(async transaction => {
    const document = await arm.resources.find(key, transaction)
    if (!document) throw armError.concurrentChange()
    const tags = readTags(change(document.tags ?? {}))
    await request.activity?.note(transaction, 'Succeeded', 200)
    return arm.resources.update(transaction, { ...document, tags, etag: arm.random.uuid() })
  })
}

const shown = (document: ResourceDocument): Json => ({
  id: `${document.id}/providers/Microsoft.Resources/tags/default`,
  name: 'default',
  type: 'Microsoft.Resources/tags',
  properties: { tags: document.tags ?? {} },
})
