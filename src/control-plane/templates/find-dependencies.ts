import type { Json } from '#resources/resource-document.ts'
import { idKey } from './canonical-id.ts'
import { evaluate, evaluateTree, parsed } from './evaluate-expression.ts'
import type { Frame } from './frame.ts'
import { NotLookedUp } from './frame.ts'
import { type Expression, isExpression } from './parse-expression.ts'
import type { PlannedResource } from './planned-resource.ts'
import { TemplateFault } from './template-fault.ts'
import { asText, memberOf } from './values.ts'

/** The resources of a template by everything that may name one. */
export class ResourceIndex {
  readonly #byName = new Map<string, PlannedResource[]>()
  constructor(resources: readonly PlannedResource[]) {
    for (const resource of resources) for (const name of namesOf(resource)) this.#add(name, resource)
  }
  #add(name: string, resource: PlannedResource): void {
    const known = this.#byName.get(name)
    if (known) known.push(resource)
    else this.#byName.set(name, [resource])
  }
  /** Of a loop's name all its rounds. */
  find(name: string): readonly PlannedResource[] {
    return this.#byName.get(name.startsWith('/') ? idKey(name) : name.replace(/\/+$/, '').toLowerCase()) ?? []
  }
}

/** Id, `Type/name` in both orders, name, symbol, and the name of its loop; all in lower case. */
const namesOf = (resource: PlannedResource): Set<string> => {
  const { id, type, name, symbol, round } = resource
  const [namespace, ...types] = type.split('/')
  const names = name.split('/')
  const interleaved = [namespace, ...types.flatMap((segment, at) => [segment, names[at]])].join('/')
  const all = [idKey(id), interleaved, `${type}/${name}`, name, round?.loop, symbol]
  if (symbol !== undefined && round) all.push(`${symbol}[${round.index}]`)
  return new Set(all.flatMap(one => (one ? [one.toLowerCase()] : [])))
}

/**
 * What each resource has to wait for: what its dependsOn names, what its expressions look up, and, in a serial loop, the rounds
 * of the batches before. Throws a `TemplateFault` for an unknown name and for a circle.
 */
export const findDependencies = (
  resources: readonly PlannedResource[],
  index: ResourceIndex,
): ReadonlyMap<PlannedResource, ReadonlySet<PlannedResource>> => {
  const found = new Map<PlannedResource, Set<PlannedResource>>()
  for (const resource of resources) {
    const dependencies = new Set([...declared(resource, index), ...implied(resource, index)])
    dependencies.delete(resource)
    found.set(resource, dependencies)
  }
  for (const [resource, dependencies] of found)
    for (const one of earlierBatches(resource, resources)) dependencies.add(one)
  refuseCircles(found)
  return found
}

const declared = (resource: PlannedResource, index: ResourceIndex): PlannedResource[] => {
  const names = evaluateTree(memberOf(resource.raw, 'dependsOn') ?? [], { ...resource.frame, looksUp: false })
  if (!Array.isArray(names)) throw new TemplateFault(`The dependsOn of '${resource.name}' is not an array.`)
  return (names as readonly Json[]).flatMap(name => {
    const found = typeof name === 'string' ? index.find(name) : []
    if (found.length === 0 && !isEmptyLoop(name, resource))
      throw new TemplateFault(
        `The resource '${asText(name).slice(0, 500)}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.`,
      )
    return [...found]
  })
}

/** A loop that went round no time at all leaves nothing to depend on; its name is still a good one. */
const isEmptyLoop = (name: Json, { frame }: PlannedResource): boolean =>
  typeof name === 'string' && (frame.emptyLoops?.has(name.toLowerCase()) ?? false)

/** Resources of the template that reference() and its like name. */
const implied = (resource: PlannedResource, index: ResourceIndex): PlannedResource[] => {
  const found: PlannedResource[] = []
  const frame = { ...resource.frame, looksUp: false }
  for (const text of textsOf(resource)) {
    frame.budget.step()
    for (const call of lookUpsIn(parsed(text, frame))) found.push(...index.find(nameIn(call, frame)))
  }
  return found
}

const MEMBERS_WITHOUT = new Set([
  'name',
  'type',
  'apiversion',
  'dependson',
  'condition',
  'copy',
  'resources',
  'comments',
])

/** The expressions of a resource's body. Those of a nested template with an inner scope are none of its own. */
function* textsOf(resource: PlannedResource): Generator<string> {
  for (const [name, value] of Object.entries(resource.raw)) {
    if (MEMBERS_WITHOUT.has(name.toLowerCase())) continue
    const isNested = name.toLowerCase() === 'properties' && hasInnerTemplate(resource)
    yield* expressionsIn(value as Json, isNested)
  }
}

function* expressionsIn(value: Json, withoutTemplate = false): Generator<string> {
  if (typeof value === 'string') {
    if (isExpression(value)) yield value
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) {
      if (withoutTemplate && name.toLowerCase() === 'template') continue
      if (isExpression(name)) yield name
      yield* expressionsIn(member as Json)
    }
}

/** Whether the expressions of a nested deployment's template are evaluated by itself, not by the outer one. */
export const hasInnerTemplate = ({ type, raw }: Pick<PlannedResource, 'type' | 'raw'>): boolean => {
  if (type.toLowerCase() !== 'microsoft.resources/deployments') return false
  const { properties } = raw as { properties?: { expressionEvaluationOptions?: { scope?: Json } } }
  return asText(properties?.expressionEvaluationOptions?.scope).toLowerCase() === 'inner'
}

function* lookUpsIn(expression: Expression): Generator<Expression> {
  if (expression.kind === 'member') {
    yield* lookUpsIn(expression.of)
    yield* lookUpsIn(expression.property)
  } else if (expression.kind === 'call') {
    const [first] = expression.parts
    if (first && /^(references?|list\w*)$/i.test(expression.name)) yield first
    for (const part of expression.parts) yield* lookUpsIn(part)
  }
}

/** What a look-up names; `''` when that can't be said before it runs, as within a lambda expression. */
const nameIn = (expression: Expression, frame: Frame): string => {
  try {
    const value = evaluate(expression, frame)
    return typeof value === 'string' ? value : ''
  } catch (error) {
    if (error instanceof TemplateFault || error instanceof NotLookedUp) return ''
    throw error
  }
}

const earlierBatches = (resource: PlannedResource, resources: readonly PlannedResource[]): PlannedResource[] => {
  const { round } = resource
  if (!round?.batchSize) return []
  const first = Math.floor(round.index / round.batchSize) * round.batchSize
  const isBefore = (other: PlannedResource) =>
    other.path === resource.path &&
    other.round !== undefined &&
    other.round.index >= first - (round.batchSize ?? 0) &&
    other.round.index < first
  return resources.filter(isBefore)
}

/** Depth first, without recursion: a chain may be as long as a template has resources. */
const refuseCircles = (found: ReadonlyMap<PlannedResource, ReadonlySet<PlannedResource>>): void => {
  const waiting = new Map([...found].map(([resource, dependencies]) => [resource, dependencies.size]))
  const dependents = new Map<PlannedResource, PlannedResource[]>()
  for (const [resource, dependencies] of found)
    for (const dependency of dependencies) dependents.set(dependency, [...(dependents.get(dependency) ?? []), resource])
  const free = [...waiting].filter(([, count]) => count === 0).map(([resource]) => resource)
  for (let next = free.pop(); next; next = free.pop()) {
    waiting.delete(next)
    for (const dependent of dependents.get(next) ?? []) {
      const left = (waiting.get(dependent) ?? 0) - 1
      waiting.set(dependent, left)
      if (left === 0) free.push(dependent)
    }
  }
  const [caught] = waiting.keys()
  if (caught)
    throw new TemplateFault(
      `Circular dependency detected on resource: '${caught.id}'. Please see https://aka.ms/arm-syntax-resources for usage details.`,
    )
}
