import { compileRegex } from './compile-regex.ts'
import { convert } from './convert.ts'
import { fault } from './kql-fault.ts'
import { isList, isNumeric, type KqlType, type Row, type Value } from './kql-type.ts'
import type { Scalar, Scope } from './scalar.ts'
import { textMatch } from './text-match.ts'

/** `==`, `<`, `=~`, `has`, `matches regex`: one against one. */
export const compareBinary = (operator: string, left: Scalar, right: Scalar, scope: Scope): Scalar => {
  if (operator === 'matches regex') return compareRegex(left, right, scope)
  if (operator !== '==' && operator !== '!=' && operator !== '<>') {
    const match = textMatch(operator)
    if (match) return compareTexts(operator, match, left, right, scope)
  }
  const [one, other] = inOneType(left, right)
  return { type: 'bool', evaluate: row => relate(operator, one(row), other(row)) }
}

/** Both sides in the type they are compared in: what is dynamic becomes what the other side is. */
const inOneType = (left: Scalar, right: Scalar): [(row: Row) => Value, (row: Row) => Value] => {
  const type = commonType(left.type, right.type)
  if (!type) throw fault.compare(left.type, right.type)
  return [asType(left, type), asType(right, type)]
}

const commonType = (left: KqlType, right: KqlType): KqlType | undefined => {
  if (left === 'dynamic') return right === 'dynamic' ? undefined : right
  if (right === 'dynamic' || left === right) return left
  return isNumeric(left) && isNumeric(right) ? 'real' : undefined
}

/** A dynamic number is not made whole when it meets a whole one. */
const asType = (scalar: Scalar, type: KqlType): ((row: Row) => Value) => {
  const wanted = scalar.type === 'dynamic' && type === 'long' ? 'real' : type
  return row => convert(scalar.evaluate(row), scalar.type, wanted)
}

/** Of two nulls nobody knows whether they are equal; a null and a value are not. */
const relate = (operator: string, left: Value, right: Value): boolean | null => {
  if (operator === '==' || operator === '!=' || operator === '<>') {
    if (left === null && right === null) return null
    return (left === right) === (operator === '==')
  }
  if (left === null || right === null) return null
  const order = orderOf(left, right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

/** Which of two values of one type comes first: negative, zero or positive. Null is less than all. */
export const orderOf = (left: Value, right: Value): number => {
  if (left === right) return 0
  if (left === null) return -1
  if (right === null) return 1
  return left < right ? -1 : 1
}

const textOfSide = (scalar: Scalar, operator: string): ((row: Row) => string) => {
  if (scalar.type !== 'string' && scalar.type !== 'dynamic')
    throw fault.invalid(`'${operator}' compares texts, and not values of type ${scalar.type}. Try adding tostring().`)
  return row => String(convert(scalar.evaluate(row), scalar.type, 'string'))
}

const compareTexts = (
  operator: string,
  match: (text: string, part: string) => boolean,
  left: Scalar,
  right: Scalar,
  { budget }: Scope,
): Scalar => {
  const [text, part] = [textOfSide(left, operator), textOfSide(right, operator)]
  return {
    type: 'bool',
    evaluate(row) {
      const [one, other] = [text(row), part(row)]
      budget.spend(searchCost(one, other))
      return match(one, other)
    },
  }
}

/** Finding a text in another can take as long as both lengths multiplied. */
export const searchCost = (text: string, part: string): number => text.length * (1 + part.length / 16)

const compareRegex = (left: Scalar, right: Scalar, scope: Scope): Scalar => {
  const regex = compileRegex(right, scope)
  const text = textOfSide(left, 'matches regex')
  return { type: 'bool', evaluate: row => regex.finds(text(row)) }
}

/** `in`, `in~`, `has_any` and `has_all`: one against a list, which may be one dynamic value. */
export const compareAmong = (operator: string, of: Scalar, parts: readonly Scalar[], scope: Scope): Scalar => {
  const isNot = operator.startsWith('!')
  const finds = /^has_/.test(operator) ? hasTerms(operator, of, parts, scope) : isIn(operator, of, parts, scope)
  return { type: 'bool', evaluate: row => finds(row) !== isNot }
}

/** The items, in the type of what they are compared with. */
const itemsOf = (parts: readonly Scalar[], type: KqlType) => {
  for (const part of parts)
    if (part.type !== 'dynamic' && !commonType(part.type, type)) throw fault.compare(type, part.type)
  return (row: Row): Value[] =>
    parts.flatMap(part => {
      const value = part.evaluate(row)
      if (part.type !== 'dynamic') return [convert(value, part.type, type)]
      return (isList(value) ? value : [value]).map(item => convert(item, 'dynamic', type))
    })
}

const isIn = (operator: string, of: Scalar, parts: readonly Scalar[], { budget }: Scope) => {
  const ignoresCase = operator.endsWith('~')
  const type = ignoresCase || of.type === 'dynamic' ? 'string' : of.type
  const asKey = (value: Value) => (ignoresCase ? String(value).toLowerCase() : value)
  const items = itemsOf(parts, type === 'long' ? 'real' : type)
  const setOf = (row: Row) => new Set(items(row).map(asKey))
  const known = parts.every(part => part.constant !== undefined) ? setOf([]) : undefined
  return (row: Row): boolean => {
    const set = known ?? setOf(row)
    budget.spend(known ? 1 : set.size)
    return set.has(asKey(convert(of.evaluate(row), of.type, type)))
  }
}

const hasTerms = (operator: string, of: Scalar, parts: readonly Scalar[], { budget }: Scope) => {
  const text = textOfSide(of, operator)
  const items = itemsOf(parts, 'string')
  const has = textMatch('has') as (text: string, part: string) => boolean
  return (row: Row): boolean => {
    const whole = text(row)
    const finds = (item: Value) => {
      budget.spend(searchCost(whole, String(item)))
      return has(whole, String(item))
    }
    return operator === 'has_any' ? items(row).some(finds) : items(row).every(finds)
  }
}

/** `between (from .. to)`, both included; a span as the end is counted from the beginning. */
export const compareBetween = (operator: string, of: Scalar, parts: readonly Scalar[], scope: Scope): Scalar => {
  const [from, to] = parts as [Scalar, Scalar]
  const isSpan = of.type === 'datetime' && to.type === 'timespan'
  const end: Scalar = isSpan ? { type: 'datetime', evaluate: row => sum(from.evaluate(row), to.evaluate(row)) } : to
  const [isFrom, isTo] = [compareBinary('>=', of, from, scope), compareBinary('<=', of, end, scope)]
  const isNot = operator.startsWith('!')
  return {
    type: 'bool',
    evaluate(row) {
      const isBetween = isFrom.evaluate(row) === true && isTo.evaluate(row) === true
      return of.evaluate(row) === null ? null : isBetween !== isNot
    },
  }
}

const sum = (left: Value, right: Value): Value =>
  typeof left === 'number' && typeof right === 'number' ? left + right : null
