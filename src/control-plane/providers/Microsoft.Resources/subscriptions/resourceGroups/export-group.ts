import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import { isObject, readBody } from '#arm/read-body.ts'
import type { Registry } from '#arm/registry.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Action, Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import { nodeOf } from '#arm/schema-marks.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'

const DEPLOYMENTS = 'microsoft.resources/deployments'

const body = Type.Object({
  resources: Type.Optional(Type.Array(Type.String(), { maxItems: 1000 })),
  options: Type.Optional(Type.String()),
  outputFormat: Type.Optional(Type.String()),
})

/**
 * A group as a template: of every resource what a PUT of it would take, as a GET shows it. Names become parameters, unless the
 * options say that they are not to.
 */
export const exportGroup = (registry: () => Registry): Action => ({
  permission: 'exportTemplate/action',
  body,
  async run({ document, request, body: asked }, arm) {
    if (asked.outputFormat !== undefined && String(asked.outputFormat).toLowerCase() !== 'json')
      throw armError.notServed('Exporting in a format other than JSON')
    const documents = await documentsOf(document, asked, arm)
    const options = String(asked.options ?? '')
    const writer = new TemplateWriter(documents, options)
    for (const one of documents) {
      const type = registry().require(one.type)
      if (type.plan) writer.add(one, await writable(one, type, request, arm), type.apiVersions[0] ?? request.apiVersion)
    }
    return { status: 200, body: { template: writer.template() } }
  },
})

const documentsOf = async (group: ResourceDocument, asked: JsonObject, arm: Arm): Promise<ResourceDocument[]> => {
  const wanted = ((asked.resources ?? ['*']) as readonly string[]).map(id => id.toLowerCase())
  const documents = await listAll(arm.resources, { groupKey: group.key })
  const exported = documents.filter(({ type }) => type.toLowerCase() !== DEPLOYMENTS)
  if (wanted.includes('*')) return exported
  const missing = wanted.find(id => !exported.some(({ key }) => key === id))
  if (missing) throw armError.resourceNotFound(missing.slice(0, 300), group.name)
  return exported.filter(({ key }) => wanted.includes(key))
}

/** What a GET shows, without what a PUT ignores. */
const writable = async (
  { id }: ResourceDocument,
  type: ResourceType,
  { caller, origin }: ArmRequest,
  arm: Arm,
): Promise<JsonObject> => {
  const shown = await arm.send({ method: 'GET', path: id, caller, origin })
  if (shown.status >= 400 || !isObject(shown.body) || !type.schema) throw armError.concurrentChange()
  const {
    id: _id,
    name: _name,
    type: _type,
    etag: _etag,
    systemData: _systemData,
    location,
    tags,
    ...rest
  } = shown.body
  const read = readBody(nodeOf(type.schema), rest, { path: 'resource', keepNull: false })
  return { ...(location === undefined ? {} : { location }), ...(tags === undefined ? {} : { tags }), ...read }
}

class TemplateWriter {
  readonly #parameters = new Map<string, JsonObject>()
  readonly #resources: JsonObject[] = []
  readonly #keys: ReadonlySet<string>
  readonly #options: string
  constructor(documents: readonly ResourceDocument[], options: string) {
    this.#keys = new Set(documents.map(({ key }) => key))
    this.#options = options.toLowerCase()
  }

  add(document: ResourceDocument, content: JsonObject, apiVersion: string): void {
    const names = ResourceId.parse(document.id)?.names ?? [document.name]
    const types = document.type.split('/').slice(1)
    const parts = names.map((name, at) => this.#nameOf(types.slice(0, at + 1), name))
    const isParent = this.#keys.has(document.parentKey)
    const parent = `[resourceId('${document.type.replace(/\/[^/]+$/, '')}', ${parts.slice(0, -1).join(', ')})]`
    this.#resources.push({
      type: document.type,
      apiVersion,
      name: parts.every(part => part.startsWith("'")) ? names.join('/') : `[${joined(parts)}]`,
      ...(isParent ? { dependsOn: [parent] } : {}),
      ...escaped(content),
    })
  }

  /** A name as an expression: a parameter, or the text itself. */
  #nameOf(types: readonly string[], name: string): string {
    if (/skip(resourcename|all)parameterization/.test(this.#options)) return `'${name.replaceAll("'", "''")}'`
    const parameter = `${types.join('_')}_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}_name`
    const isDefault = this.#options.includes('includeparameterdefaultvalue')
    this.#parameters.set(parameter, { ...(isDefault ? { defaultValue: name } : {}), type: 'String' })
    return `parameters('${parameter}')`
  }

  template(): JsonObject {
    return {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      parameters: Object.fromEntries(this.#parameters),
      variables: {},
      resources: this.#resources,
    }
  }
}

const joined = (parts: readonly string[]): string =>
  parts.length === 1 ? (parts[0] as string) : `concat(${parts.join(", '/', ")})`

/** A text that would pass for an expression is marked as none. */
const escaped = (content: JsonObject): JsonObject =>
  JSON.parse(JSON.stringify(content), (_name, value) =>
    typeof value === 'string' && value.startsWith('[') && value.endsWith(']') ? `[${value}` : value,
  ) as JsonObject
