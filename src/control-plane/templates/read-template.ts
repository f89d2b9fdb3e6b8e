import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { UserFunction } from './frame.ts'
import {
  type OutputDeclaration,
  PARAMETER_TYPES,
  type ParameterDeclaration,
  type ParameterType,
  type ResourceDeclaration,
  type Template,
  type TypeRule,
} from './template.ts'
import { fault, TemplateFault } from './template-fault.ts'
import { asText, isJsonObject, memberOf } from './values.ts'

const SECTIONS = new Set(
  '$schema,contentVersion,languageVersion,apiProfile,metadata,definitions,functions,parameters,variables,resources,outputs'
    .toLowerCase()
    .split(','),
)
const MAX_DECLARED = 256
const MAX_OUTPUTS = 64
const MAX_TYPE_DEPTH = 16

const invalid = (reason: string) => new TemplateFault(reason)

/** Reads a template's sections and checks their form. Throws a `TemplateFault`. */
export const readTemplate = (raw: Json): Template => {
  if (!isJsonObject(raw)) throw invalid('The template is not a JSON object.')
  for (const name of Object.keys(raw))
    if (!SECTIONS.has(name.toLowerCase()))
      throw /^(imports|extensions)$/i.test(name)
        ? fault.notServed(`The section '${name}' of a template`)
        : invalid(`Could not find member '${name.slice(0, 100)}' on object of type 'Template'.`)
  const resources = memberOf(raw, 'resources')
  if (resources === undefined || resources === null) throw invalid("Required property 'resources' not found in JSON.")
  const version = memberOf(raw, 'languageVersion')
  if (version !== undefined && !/^"?[12](\.\d)?"?$/.test(asText(version)))
    throw fault.notServed(`The languageVersion '${asText(version).slice(0, 50)}' of templates`)
  return {
    raw,
    isSymbolic: isJsonObject(resources),
    definitions: new Map(readSection(raw, 'definitions', (rule, path) => readRule(rule, path))),
    parameters: readParameters(raw),
    variables: sectionOf(raw, 'variables'),
    functions: readFunctions(memberOf(raw, 'functions') ?? []),
    resources: readResources(resources),
    outputs: readOutputs(raw),
  }
}

const sectionOf = (raw: JsonObject, name: string): JsonObject => {
  const section = memberOf(raw, name) ?? {}
  if (!isJsonObject(section)) throw invalid(`The section '${name}' of the template is not a JSON object.`)
  return section
}

const readSection = <T>(raw: JsonObject, name: string, read: (member: JsonObject, path: string) => T): [string, T][] =>
  Object.entries(sectionOf(raw, name)).map(([member, value]) => {
    if (!isJsonObject(value)) throw invalid(`The member '${member.slice(0, 100)}' of '${name}' is not a JSON object.`)
    return [member.toLowerCase(), read(value, `${name}.${member}`)]
  })

const readParameters = (raw: JsonObject): ReadonlyMap<string, ParameterDeclaration> => {
  const declared = readSection(raw, 'parameters', (member, path) => {
    const defaultValue = memberOf(member, 'defaultValue')
    const name = path.slice('parameters.'.length)
    return { name, ...readRule(member, path), ...(defaultValue === undefined ? {} : { defaultValue }) }
  })
  if (declared.length > MAX_DECLARED)
    throw invalid(
      `The number of template parameters limit exceeded. Limit: '${MAX_DECLARED}' and actual: '${declared.length}'.`,
    )
  return new Map(declared)
}

const readOutputs = (raw: JsonObject): ReadonlyMap<string, OutputDeclaration> => {
  const declared = readSection(raw, 'outputs', readOutput)
  if (declared.length > MAX_OUTPUTS)
    throw invalid(
      `The number of template outputs limit exceeded. Limit: '${MAX_OUTPUTS}' and actual: '${declared.length}'.`,
    )
  return new Map(declared)
}

const readOutput = (member: JsonObject, path: string): OutputDeclaration => {
  const [condition, value, copy] = [memberOf(member, 'condition'), memberOf(member, 'value'), memberOf(member, 'copy')]
  const name = path.slice('outputs.'.length)
  const loop = isJsonObject(copy) ? { count: copy.count ?? null, input: copy.input ?? null } : undefined
  if ((value === undefined) === (loop === undefined))
    throw invalid(`The template output '${name.slice(0, 100)}' must have either a value or a copy loop.`)
  return {
    name,
    ...readRule(member, path),
    ...(condition === undefined ? {} : { condition }),
    ...(value === undefined ? {} : { value }),
    ...(loop === undefined ? {} : { copy: loop }),
  }
}

const readRule = (member: JsonObject, path: string, depth = 0): TypeRule => {
  if (depth > MAX_TYPE_DEPTH) throw invalid(`The type at '${path.slice(0, 200)}' is nested too deeply.`)
  const [type, ref] = [memberOf(member, 'type'), memberOf(member, '$ref')]
  for (const name of ['prefixItems', 'discriminator'])
    if (memberOf(member, name) !== undefined) throw fault.notServed(`'${name}' in a type of a template`)
  const allowed = memberOf(member, 'allowedValues')
  const [properties, items] = [memberOf(member, 'properties'), memberOf(member, 'items')]
  return {
    ...(type === undefined ? {} : { type: readType(type, path) }),
    ...(typeof ref === 'string' ? { ref: ref.toLowerCase() } : {}),
    nullable: memberOf(member, 'nullable') === true,
    ...(Array.isArray(allowed) ? { allowedValues: allowed as readonly Json[] } : {}),
    ...limitsOf(member, path),
    ...(isJsonObject(properties) ? { properties: readProperties(properties, path, depth) } : {}),
    ...(isJsonObject(items) ? { items: readRule(items, `${path}.items`, depth + 1) } : {}),
  }
}

const readProperties = (properties: JsonObject, path: string, depth: number): Map<string, TypeRule> =>
  new Map(
    Object.entries(properties).flatMap(([name, rule]) =>
      isJsonObject(rule) ? [[name, readRule(rule, `${path}.${name}`, depth + 1)] as const] : [],
    ),
  )

const readType = (type: Json, path: string): ParameterType => {
  const found = PARAMETER_TYPES.find(known => known.toLowerCase() === asText(type).toLowerCase())
  if (!found)
    throw invalid(
      `The type '${asText(type).slice(0, 100)}' at '${path.slice(0, 200)}' is not valid. The valid types are '${PARAMETER_TYPES.join(',')}'.`,
    )
  return found
}

const limitsOf = (
  member: JsonObject,
  path: string,
): Partial<Record<'minValue' | 'maxValue' | 'minLength' | 'maxLength', number>> => {
  const names = ['minValue', 'maxValue', 'minLength', 'maxLength'] as const
  const found = names.flatMap(name => {
    const value = memberOf(member, name)
    if (value === undefined || value === null) return []
    if (typeof value !== 'number') throw invalid(`The '${name}' at '${path.slice(0, 200)}' is not a number.`)
    return [[name, value] as const]
  })
  return Object.fromEntries(found)
}

const readFunctions = (raw: Json): ReadonlyMap<string, UserFunction> => {
  if (!Array.isArray(raw)) throw invalid("The section 'functions' of the template is not an array.")
  const read = new Map<string, UserFunction>()
  for (const item of raw as readonly Json[]) {
    const { namespace, members } = isJsonObject(item) ? item : {}
    if (typeof namespace !== 'string' || !isJsonObject(members))
      throw invalid('Each item of the section functions needs a namespace and members.')
    for (const [name, member] of Object.entries(members))
      read.set(`${namespace}.${name}`.toLowerCase(), readFunction(member as Json, `${namespace}.${name}`))
  }
  return read
}

const readFunction = (member: Json, name: string): UserFunction => {
  const output = isJsonObject(member) ? memberOf(member, 'output') : undefined
  const value = isJsonObject(output) ? memberOf(output, 'value') : undefined
  if (!isJsonObject(member) || value === undefined) throw invalid(`The function '${name.slice(0, 100)}' has no output.`)
  const parameters = memberOf(member, 'parameters') ?? []
  if (!Array.isArray(parameters) || !parameters.every(isJsonObject))
    throw invalid(`The parameters of the function '${name.slice(0, 100)}' are not an array.`)
  return {
    parameters: parameters.map(parameter => ({ name: asText(parameter.name), type: asText(parameter.type) })),
    output: value,
  }
}

const readResources = (resources: Json): ResourceDeclaration[] => {
  if (Array.isArray(resources)) return resources.map((raw, index) => declaration(raw, `resources[${index}]`))
  if (!isJsonObject(resources))
    throw invalid("The section 'resources' of the template is neither an array nor an object.")
  return Object.entries(resources).map(([symbol, raw]) => ({
    ...declaration(raw as Json, `resources.${symbol}`),
    symbol,
  }))
}

const declaration = (raw: Json, path: string): ResourceDeclaration => {
  if (!isJsonObject(raw)) throw invalid(`The resource at '${path}' is not a JSON object.`)
  return { path, raw }
}
