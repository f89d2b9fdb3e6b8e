import { isDeepStrictEqual } from 'node:util'
import type { Json } from '#resources/resource-document.ts'
import type { ParameterType, Template, TypeRule } from './template.ts'
import { TemplateFault } from './template-fault.ts'
import { isJsonObject, memberOf, typeName } from './values.ts'

const MAX_REFERENCES = 32

export const isSecure = (type: ParameterType | undefined): boolean => type === 'SecureString' || type === 'SecureObject'

/** A rule with what its `$ref` says. */
export const resolved = (rule: TypeRule, template: Pick<Template, 'definitions'>): TypeRule => {
  let found = rule
  for (let count = 0; found.ref !== undefined; count++) {
    const { ref, ...own } = found
    const next = template.definitions.get(ref.replace(/^#\/definitions\//, ''))
    if (!next || count > MAX_REFERENCES)
      throw new TemplateFault(`The type reference '${ref.slice(0, 200)}' can't be resolved.`)
    found = { ...next, ...own, nullable: own.nullable || next.nullable }
  }
  return found
}

const expected: Readonly<Record<ParameterType, string>> = {
  String: 'String, Uri',
  SecureString: 'String, Uri',
  Int: 'Integer',
  Bool: 'Boolean',
  Object: 'Object',
  SecureObject: 'Object',
  Array: 'Array',
}

const isOf = (type: ParameterType, value: Json): boolean => {
  const actual = typeName(value)
  return expected[type].split(', ').includes(actual) || (type === 'SecureObject' && actual === 'Object')
}

/** Checks a value against its rule; `name` is the parameter's. The value of a secure one is never told. Throws a `TemplateFault`. */
export const checkType = (
  name: string,
  rule: TypeRule,
  value: Json,
  template: Pick<Template, 'definitions'>,
  depth = 0,
): void => {
  const { type, nullable, properties, items, allowedValues } = resolved(rule, template)
  if (value === null && nullable) return
  if (type && !isOf(type, value))
    throw new TemplateFault(
      `The provided value for the template parameter '${name}' is not valid. Expected a value of type '${expected[type]}', but received a value of type '${typeName(value)}'. Please see https://aka.ms/arm-create-parameter-file for usage details.`,
    )
  if (allowedValues && !isAllowed(value, allowedValues)) throw notAllowed(name, value, allowedValues, isSecure(type))
  checkLimits(name, resolved(rule, template), value)
  if (depth > MAX_REFERENCES) return
  if (items && Array.isArray(value))
    for (const [index, item] of value.entries()) checkType(`${name}[${index}]`, items, item, template, depth + 1)
  if (properties && isJsonObject(value))
    for (const [member, memberRule] of properties)
      checkType(`${name}.${member}`, memberRule, memberOf(value, member) ?? null, template, depth + 1)
}

/** Of an array that may hold some of the values, each item must be one of them. */
const isAllowed = (value: Json, allowed: readonly Json[]): boolean => {
  const isOne = (candidate: Json) => allowed.some(known => isDeepStrictEqual(known, candidate))
  return isOne(value) || (Array.isArray(value) && value.every(isOne))
}

const notAllowed = (name: string, value: Json, allowed: readonly Json[], secure: boolean) => {
  const shown = secure ? '' : ` '${(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 200)}'`
  const list = allowed.map(item => (typeof item === 'string' ? item : JSON.stringify(item))).join(',')
  return new TemplateFault(
    `The provided value${shown} for the template parameter '${name}' is not valid. The value is not part of the allowed value(s): '${list.slice(0, 1000)}'.`,
  )
}

const checkLimits = (name: string, rule: TypeRule, value: Json): void => {
  const { minValue, maxValue, minLength, maxLength } = rule
  const wrong = (what: string, relation: string, limit: number) =>
    new TemplateFault(
      `The provided value for the template parameter '${name}' is not valid. ${what} should be ${relation} than or equal to '${limit}'. Please see https://aka.ms/arm-create-parameter-file for usage details.`,
    )
  if (typeof value === 'number' && minValue !== undefined && value < minValue)
    throw wrong('The value', 'greater', minValue)
  if (typeof value === 'number' && maxValue !== undefined && value > maxValue)
    throw wrong('The value', 'less', maxValue)
  if (typeof value !== 'string' && !Array.isArray(value)) return
  if (minLength !== undefined && value.length < minLength) throw wrong('Length of the value', 'greater', minLength)
  if (maxLength !== undefined && value.length > maxLength) throw wrong('Length of the value', 'less', maxLength)
}
