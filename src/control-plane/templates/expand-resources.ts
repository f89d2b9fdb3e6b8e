import type { Json, JsonObject } from '#resources/resource-document.ts'
import { canonicalId } from './canonical-id.ts'
import { evaluateTree, loopCount, withLoop } from './evaluate-expression.ts'
import type { Frame } from './frame.ts'
import { typed } from './functions/ids.ts'
import type { PlannedResource, Round } from './planned-resource.ts'
import type { ResourceDeclaration, Template } from './template.ts'
import { fault, TemplateFault, within } from './template-fault.ts'
import { asText, isJsonObject, memberOf } from './values.ts'

/** Azure's limit on the resources of a template, all rounds of its loops counted. */
const MAX_RESOURCES = 800

/** Every resource of a template: loops gone round, conditions decided, nested children beside their parents. Throws a `TemplateFault`. */
export const expandResources = (template: Template, frame: Frame): readonly PlannedResource[] => {
  const found: PlannedResource[] = []
  for (const declared of template.resources)
    for (const resource of expand(declared, undefined, frame)) {
      found.push(resource)
      if (found.length > MAX_RESOURCES)
        throw new TemplateFault(
          `The number of template resources limit exceeded. Limit: '${MAX_RESOURCES}' and actual: '${found.length}' or more.`,
        )
    }
  refuseTwins(found)
  return found
}

interface Parent {
  readonly type: string
  readonly name: string
}

function* expand(declared: ResourceDeclaration, parent: Parent | undefined, frame: Frame): Generator<PlannedResource> {
  const copy = memberOf(declared.raw, 'copy')
  if (copy === undefined || copy === null) return yield* expandOne(declared, parent, frame)
  if (!isJsonObject(copy))
    throw new TemplateFault(`The copy loop of the resource at '${declared.path}' is not a JSON object.`)
  const loop = asText(evaluateTree(memberOf(copy, 'name') ?? '', frame))
  const count = loopCount(loop, memberOf(copy, 'count') ?? null, frame)
  const batch = batchOf(copy, frame)
  for (let index = 0; index < count; index++)
    yield* expandOne(declared, parent, withLoop(frame, loop, index, true), { loop, index, ...batch })
}

/** Serial mode makes batchSize at a time, by default one. */
const batchOf = (copy: JsonObject, frame: Frame): { batchSize?: number } => {
  const mode = asText(memberOf(copy, 'mode') ?? 'parallel').toLowerCase()
  if (mode === 'parallel') return {}
  const size = evaluateTree(memberOf(copy, 'batchSize') ?? 1, frame)
  if (mode !== 'serial' || typeof size !== 'number' || !Number.isInteger(size) || size < 1)
    throw new TemplateFault("The mode of a copy loop must be 'Parallel' or 'Serial', its batchSize a positive integer.")
  return { batchSize: size }
}

function* expandOne(
  declared: ResourceDeclaration,
  parent: Parent | undefined,
  frame: Frame,
  round?: Round,
): Generator<PlannedResource> {
  frame.budget.step()
  const resource = within(declared.path, () => plan(declared, parent, frame, round))
  yield resource
  const children = memberOf(declared.raw, 'resources')
  if (children === undefined || children === null) return
  const nested: [string, Json][] = Array.isArray(children)
    ? children.map((child, index) => [`[${index}]`, child as Json])
    : (Object.entries(children) as [string, Json][]).map(([name, child]) => [`.${name}`, child])
  for (const [place, raw] of nested) {
    if (!isJsonObject(raw))
      throw new TemplateFault(`The resource at '${declared.path}.resources${place}' is not a JSON object.`)
    yield* expand({ path: `${declared.path}.resources${place}`, raw }, resource, frame)
  }
}

const plan = (
  declared: ResourceDeclaration,
  parent: Parent | undefined,
  frame: Frame,
  round: Round | undefined,
): PlannedResource => {
  const { raw, path, symbol } = declared
  // Names decide what there is to look up, so nothing can be looked up for them.
  const early = { ...frame, looksUp: false }
  const { type, name } = place(raw, parent, early)
  const condition = evaluateTree(memberOf(raw, 'condition') ?? true, early)
  if (typeof condition !== 'boolean') throw fault.value('condition', `the condition of '${name}' is no boolean.`)
  const id = idOf(raw, type, name, early)
  return {
    ...(symbol === undefined ? {} : { symbol }),
    ...(round === undefined ? {} : { round }),
    path,
    id,
    type,
    name,
    apiVersion: required(raw, 'apiVersion', early),
    isWanted: condition,
    isExisting: memberOf(raw, 'existing') === true,
    raw,
    frame,
  }
}

const required = (raw: JsonObject, member: string, frame: Frame): string => {
  const value = evaluateTree(memberOf(raw, member) ?? null, frame)
  if (typeof value !== 'string' || value === '')
    throw new TemplateFault(`The resource has no '${member}', or one that is no text.`)
  return value
}

/** A child within its parent says the last part of its type and name only. */
const place = (raw: JsonObject, parent: Parent | undefined, frame: Frame): Parent => {
  const [type, name] = [required(raw, 'type', frame), required(raw, 'name', frame)]
  const isShort = parent !== undefined && !/^[^/]+\.[^/]+\//.test(type)
  const full = isShort ? { type: `${parent.type}/${type}`, name: `${parent.name}/${name}` } : { type, name }
  const [types, names] = [full.type.split('/').length - 1, full.name.split('/').length]
  if (types < 1 || types !== names)
    throw new TemplateFault(
      `The template resource '${full.name.slice(0, 300)}' for type '${full.type.slice(0, 300)}' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details.`,
    )
  return full
}

const idOf = (raw: JsonObject, type: string, name: string, frame: Frame): string =>
  canonicalId(`${scopeOf(raw, type, frame)}/providers/${typed(type, name.split('/'), { name: 'resourceId' })}`)

/** What a resource lies in: the deployment's own scope, or what `scope`, `resourceGroup` and `subscriptionId` say. */
const scopeOf = (raw: JsonObject, type: string, frame: Frame): string => {
  const { surroundings } = frame
  const [scope, group, subscription] = ['scope', 'resourceGroup', 'subscriptionId'].map(name => {
    const value = evaluateTree(memberOf(raw, name) ?? null, frame)
    if (value !== null && typeof value !== 'string')
      throw new TemplateFault(`The '${name}' of a resource must be a text.`)
    return value
  })
  if (scope) return scopeNamed(scope, frame)
  if (surroundings.scope === 'tenant' && !subscription && !group) return ''
  const inSubscription = `/subscriptions/${subscription || String(surroundings.subscription().subscriptionId)}`
  if (/^Microsoft\.Resources\/(subscriptions\/)?resourceGroups$/i.test(type)) return inSubscription
  if (group) return `${inSubscription}/resourceGroups/${group}`
  const inOwnGroup = surroundings.scope === 'resourceGroup' && !subscription
  return inOwnGroup ? String(surroundings.resourceGroup().id) : inSubscription
}

/** `/` is the tenant; an id is itself; `Type/name` is a resource of the deployment's scope. */
const scopeNamed = (scope: string, frame: Frame): string => {
  if (scope === '/') return ''
  if (/^\/?(providers\/)?Microsoft\.Management\//i.test(scope)) throw fault.notServed('A management group')
  if (scope.startsWith('/')) return canonicalId(scope)
  const base =
    frame.surroundings.scope === 'resourceGroup'
      ? String(frame.surroundings.resourceGroup().id)
      : frame.surroundings.scope === 'subscription'
        ? String(frame.surroundings.subscription().id)
        : ''
  return `${base}/providers/${scope}`
}

/** Two resources of one id would overwrite each other. Of twins under opposite conditions only one counts. */
const refuseTwins = (resources: readonly PlannedResource[]): void => {
  const seen = new Set<string>()
  for (const { id, type, name, isWanted, isExisting } of resources) {
    if (!isWanted || isExisting) continue
    if (seen.has(id.toLowerCase()))
      throw new TemplateFault(
        `The resource '${type}/${name}' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      )
    seen.add(id.toLowerCase())
  }
}
