import type { Json, JsonObject } from '#resources/resource-document.ts'
import { Budget } from './budget.ts'
import { checkType, isSecure, resolved } from './check-type.ts'
import { evaluateTree, loopCount, withLoop } from './evaluate-expression.ts'
import { expandResources } from './expand-resources.ts'
import { findDependencies, hasInnerTemplate, ResourceIndex } from './find-dependencies.ts'
import type { Frame, Surroundings } from './frame.ts'
import type { PlannedResource } from './planned-resource.ts'
import { readTemplate } from './read-template.ts'
import { hideSecrets, redactor, resolveParameters, shownParameters, valuesOf } from './resolve-parameters.ts'
import type { OutputDeclaration, Template } from './template.ts'
import { fault, within } from './template-fault.ts'
import { asText, isJsonObject, memberOf, objectOf } from './values.ts'
import { variablesOf } from './variables.ts'

/** A template with its parameters, at a place: what is to be made, in what order, and of what content. */
export interface OpenTemplate {
  /** As a deployment shows them: without the values of secure ones. */
  readonly parameters: JsonObject
  /** Every parameter with its value, in the form in which values are given: who opens the template with them sees the same defaults. */
  readonly values: JsonObject
  /** The same value with the values of secure parameters hidden: for messages that may carry them. */
  redact(value: Json): Json
  readonly resources: readonly PlannedResource[]
  readonly dependencies: ReadonlyMap<PlannedResource, ReadonlySet<PlannedResource>>
  /** A resource of the template by its id. */
  find(id: string): PlannedResource | undefined
  /** The content to send for a resource: everything but name, type and what only the template knows. May throw `NotLookedUp`. */
  body(resource: PlannedResource): JsonObject
  /** The outputs as a deployment shows them, values of secure ones left out. May throw `NotLookedUp`. */
  outputs(): JsonObject
}

export interface OpenOptions {
  /** Secure texts are hidden before they are put in: for what is shown instead of done. */
  readonly hideSecrets?: boolean
  /** What this template may cost together with others; default: one of its own. */
  readonly budget?: Budget
}

/** Reads a template and evaluates all that can be said before anything is made. Throws a `TemplateFault`. */
export const openTemplate = (
  raw: Json,
  given: Json | undefined,
  surroundings: Surroundings,
  options: OpenOptions = {},
): OpenTemplate => {
  const template = readTemplate(raw)
  const outer = frameFor(template, surroundings, options.budget ?? new Budget())
  outer.budget.begin()
  const truly = resolveParameters(template, given, parameter => ({ ...outer, parameter, isDefault: true }))
  const emptyLoops = new Set<string>()
  const frameOf = (values: typeof truly): Frame => {
    const parameter = (name: string): Json => {
      const known = values.get(name.toLowerCase())
      if (!known) throw fault.unknownParameter(name)
      return known.value
    }
    const bare: Frame = { ...outer, parameter }
    const variable = variablesOf(template.variables, variable => ({ ...bare, variable }))
    return { ...bare, variable, resourceOf, emptyLoops }
  }
  const resourceOf = (name: string) => {
    const found = index?.find(name) ?? []
    if (found.length > 1 && found[0]?.symbol?.toLowerCase() === name.toLowerCase()) return found
    return found[0]
  }
  let index: ResourceIndex | undefined
  const evaluation = <T>(work: () => T): T => {
    outer.budget.begin()
    return work()
  }
  const resources = expandResources(template, frameOf(truly))
  for (const name of loopsOf(template)) emptyLoops.add(name)
  index = new ResourceIndex(resources)
  const dependencies = findDependencies(resources, index)
  const shownFrame = options.hideSecrets ? frameOf(hideSecrets(truly)) : frameOf(truly)
  return {
    parameters: shownParameters(truly),
    values: outer.budget.made(valuesOf(truly)),
    redact: redactor(truly),
    resources,
    dependencies,
    find: id => index?.find(id)[0],
    body: resource =>
      evaluation(() =>
        within(resource.id, () => bodyOf(resource, { ...shownFrame, loops: resource.frame.loops, looksUp: true })),
      ),
    outputs: () => evaluation(() => outputsOf(template, { ...shownFrame, looksUp: true })),
  }
}

const frameFor = (template: Template, surroundings: Surroundings, budget: Budget): Frame => ({
  budget,
  surroundings,
  functions: template.functions,
  loops: new Map(),
  lambdaVariables: new Map(),
  parsed: new Map(),
  looksUp: false,
  isDefault: false,
  parameter(name) {
    throw fault.unknownParameter(name)
  },
  variable() {
    throw fault.notHere('variables')
  },
})

/** The names of the loops over the resources that are declared, however often they go round. */
const loopsOf = (template: Template): string[] =>
  template.resources.flatMap(({ raw, symbol }) => {
    const copy = memberOf(raw, 'copy')
    const name = isJsonObject(copy) ? memberOf(copy, 'name') : undefined
    return name === undefined
      ? []
      : [asText(name).toLowerCase(), ...(symbol === undefined ? [] : [symbol.toLowerCase()])]
  })

/** What only the template knows of a resource. */
const OF_TEMPLATE = new Set(
  'name,type,apiversion,dependson,condition,copy,comments,resources,scope,existing,resourcegroup,subscriptionid,metadata,@options'.split(
    ',',
  ),
)

const bodyOf = (resource: PlannedResource, frame: Frame): JsonObject => {
  const members = Object.entries(resource.raw).filter(([name]) => !OF_TEMPLATE.has(name.toLowerCase()))
  const isInner = hasInnerTemplate(resource)
  return objectOf(
    members.map(([name, value]): [string, Json] => [
      name,
      isInner && isJsonObject(value) ? withoutTemplate(value, frame) : evaluateTree(value as Json, frame),
    ]),
  )
}

/** A nested template that is evaluated by itself is handed on as it is. */
const withoutTemplate = (properties: JsonObject, frame: Frame): JsonObject =>
  objectOf(
    Object.entries(properties).map(([name, value]): [string, Json] => [
      name,
      name.toLowerCase() === 'template' ? (value as Json) : evaluateTree(value as Json, frame),
    ]),
  )

const outputsOf = (template: Template, frame: Frame): JsonObject =>
  objectOf(
    [...template.outputs.values()].flatMap((output): [string, Json][] => {
      const shown = within(`outputs.${output.name}`, () => outputOf(output, template, frame))
      return shown === undefined ? [] : [[output.name, shown]]
    }),
  )

const outputOf = (output: OutputDeclaration, template: Template, frame: Frame): JsonObject | undefined => {
  const { condition, copy, name } = output
  if (condition !== undefined && evaluateTree(condition, frame) !== true) return undefined
  const value = copy
    ? frame.budget.made(
        Array.from({ length: loopCount(name, copy.count, frame) }, (_, index) =>
          evaluateTree(copy.input, withLoop(frame, name, index, true)),
        ),
      )
    : evaluateTree(output.value ?? null, frame)
  const { type = 'Object' } = resolved(output, template)
  checkType(name, output, value, template)
  return isSecure(type) ? { type } : { type, value }
}
