import type { Json, JsonObject } from '#resources/resource-document.ts'
import { checkType, isSecure, resolved } from './check-type.ts'
import { evaluateTree } from './evaluate-expression.ts'
import type { Frame } from './frame.ts'
import type { ParameterDeclaration, ParameterType, Template } from './template.ts'
import { fault, TemplateFault } from './template-fault.ts'
import { isJsonObject, memberOf, objectOf } from './values.ts'

/** A parameter with its value, given or by default. */
export interface ResolvedParameter {
  readonly name: string
  readonly type: ParameterType
  readonly secure: boolean
  readonly value: Json
}

/**
 * Reads the values given to a template, `{ name: { value } }`, and checks that they are the template's. Defaults are evaluated
 * when they are asked for, as they may name other parameters.
 */
export const resolveParameters = (
  template: Template,
  given: Json | undefined,
  frameOf: (parameter: (name: string) => Json) => Frame,
): ReadonlyMap<string, ResolvedParameter> => {
  const values = readGiven(template, given)
  const done = new Map<string, ResolvedParameter>()
  const under = new Set<string>()
  const resolve = (name: string): ResolvedParameter => {
    const key = name.toLowerCase()
    const known = done.get(key)
    if (known) return known
    const declared = template.parameters.get(key)
    if (!declared) throw fault.unknownParameter(name)
    if (under.has(key)) throw fault.circular('parameter', name)
    under.add(key)
    const made = resolveOne(declared, values.get(key), template, frame)
    done.set(key, made)
    return made
  }
  const frame = frameOf(name => resolve(name).value)
  for (const { name } of template.parameters.values()) resolve(name)
  return done
}

const resolveOne = (
  declared: ParameterDeclaration,
  given: Json | undefined,
  template: Template,
  frame: Frame,
): ResolvedParameter => {
  const { name, defaultValue } = declared
  const rule = resolved(declared, template)
  if (!rule.type) throw new TemplateFault(`The template parameter '${name.slice(0, 100)}' has no type.`)
  const value = given !== undefined ? given : defaultValue !== undefined ? evaluateTree(defaultValue, frame) : undefined
  if (value === undefined && !rule.nullable)
    throw new TemplateFault(
      `The value for the template parameter '${name.slice(0, 200)}' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.`,
    )
  frame.budget.sizeOf(value ?? null)
  checkType(name, declared, value ?? null, template)
  return { name, type: rule.type, secure: isSecure(rule.type), value: value ?? null }
}

const readGiven = (template: Template, given: Json | undefined): ReadonlyMap<string, Json> => {
  if (given === undefined || given === null) return new Map()
  if (!isJsonObject(given)) throw new TemplateFault('The parameters of the deployment are not a JSON object.')
  const unknown = Object.keys(given).filter(name => !template.parameters.has(name.toLowerCase()))
  if (unknown.length > 0) throw unknownParameters(unknown, template)
  const values = Object.entries(given).flatMap(([name, member]): [string, Json][] => {
    const value = readValue(name, member as Json)
    return value === undefined ? [] : [[name.toLowerCase(), value]]
  })
  return new Map(values)
}

const unknownParameters = (unknown: readonly string[], template: Template) => {
  const known = [...template.parameters.values()].map(({ name }) => name)
  return new TemplateFault(
    `The template parameters '${unknown.join(', ').slice(0, 500)}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. The only supported parameters for this template are '${known.join(', ').slice(0, 1000)}'. Please see https://aka.ms/arm-pass-parameter-values for usage details.`,
  )
}

const readValue = (name: string, member: Json): Json | undefined => {
  if (!isJsonObject(member))
    throw new TemplateFault(`The template parameter '${name.slice(0, 100)}' is not a JSON object with a value.`)
  for (const other of Object.keys(member))
    if (!/^(value|type|metadata)$/i.test(other))
      throw fault.notServed(`'${other.slice(0, 50)}' as the value of a parameter`)
  return memberOf(member, 'value')
}

const HIDDEN = '*******'

/** The same parameters with every secure text hidden: for what is shown instead of done. */
export const hideSecrets = (
  parameters: ReadonlyMap<string, ResolvedParameter>,
): ReadonlyMap<string, ResolvedParameter> =>
  new Map([...parameters].map(([key, one]) => [key, one.secure ? { ...one, value: hidden(one.value) } : one]))

const hidden = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(hidden)
  if (isJsonObject(value))
    return objectOf(Object.entries(value).map(([name, member]) => [name, hidden(member as Json)]))
  return typeof value === 'string' ? HIDDEN : typeof value === 'number' ? 0 : value === null ? null : false
}

/** Parameters as a deployment shows them: without the values of secure ones. */
export const shownParameters = (parameters: ReadonlyMap<string, ResolvedParameter>): JsonObject =>
  objectOf([...parameters.values()].map(({ name, type, secure, value }) => [name, secure ? { type } : { type, value }]))

/** Parameters as they would be given, defaults and secure ones included. */
export const valuesOf = (parameters: ReadonlyMap<string, ResolvedParameter>): JsonObject =>
  objectOf([...parameters.values()].map(({ name, value }) => [name, { value }]))

/** Shorter ones say nothing by themselves, and hiding them would make any text unreadable. */
const LEAST_SECRET = 3

/** Hides every text of a secure parameter wherever it stands in a value. */
export const redactor = (parameters: ReadonlyMap<string, ResolvedParameter>): ((value: Json) => Json) => {
  const secrets = [...parameters.values()]
    .flatMap(({ secure, value }) => (secure ? textsIn(value) : []))
    .filter(text => text.length >= LEAST_SECRET)
    .toSorted((a, b) => b.length - a.length)
  const redact = (value: Json): Json => {
    if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), value)
    if (Array.isArray(value)) return value.map(redact)
    if (!isJsonObject(value)) return value
    return objectOf(Object.entries(value).map(([name, member]) => [name, redact(member as Json)]))
  }
  return secrets.length === 0 ? value => value : redact
}

const textsIn = (value: Json): string[] => {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(member => textsIn(member as Json))
    : []
}
