import { graphError } from './graph-error.ts'

/** Whether an object is among those that a `$filter` lets through. */
export type Filter = (object: Readonly<Record<string, unknown>>) => boolean

/** Says whether an object fits; `element` is what a lambda's variable stands for. */
type Predicate = (object: Readonly<Record<string, unknown>>, element?: unknown) => boolean
type Value = (object: Readonly<Record<string, unknown>>, element?: unknown) => unknown

const mostCharacters = 4000
const mostDepth = 20

/**
 * Reads a `$filter` of OData 4 (section 5.1.1 of its URL conventions): `eq`, `ne`, `in`, `startswith`, `endswith`, `any` over a list,
 * joined by `and`, `or` and `not`. Texts are compared without regard to case, as Microsoft Graph does.
 */
export const parseFilter = (text: string, properties: ReadonlySet<string>): Filter => {
  if (text.length > mostCharacters) throw graphError.badFilter(`it has more than ${mostCharacters} characters.`)
  const tokens = tokensOf(text)
  let at = 0
  let depth = 0
  const peek = () => tokens[at]
  const take = (expected?: string): string => {
    const token = tokens[at++]
    if (token === undefined || (expected !== undefined && token.toLowerCase() !== expected))
      throw graphError.badFilter(expected === undefined ? 'it ends too early.' : `'${expected}' is missing in it.`)
    return token
  }
  const isNext = (word: string) => peek()?.toLowerCase() === word
  const accept = (word: string): boolean => {
    if (!isNext(word)) return false
    at++
    return true
  }

  const either = (variable?: string): Predicate => {
    if (++depth > mostDepth) throw graphError.badFilter(`it is nested deeper than ${mostDepth} levels.`)
    const choices = [both(variable)]
    while (accept('or')) choices.push(both(variable))
    depth--
    return (object, element) => choices.some(choice => choice(object, element))
  }
  const both = (variable?: string): Predicate => {
    const conditions = [condition(variable)]
    while (accept('and')) conditions.push(condition(variable))
    return (object, element) => conditions.every(condition => condition(object, element))
  }
  const condition = (variable?: string): Predicate => {
    if (accept('not')) {
      if (++depth > mostDepth) throw graphError.badFilter(`it is nested deeper than ${mostDepth} levels.`)
      const inner = condition(variable)
      depth--
      return (object, element) => !inner(object, element)
    }
    if (accept('(')) {
      const inner = either(variable)
      take(')')
      return inner
    }
    if (isNext('startswith') || isNext('endswith')) return textCall(take().toLowerCase(), variable)
    return comparison(variable)
  }
  const textCall = (name: string, variable?: string): Predicate => {
    take('(')
    const value = path(variable)
    take(',')
    const part = String(literal()).toLowerCase()
    take(')')
    const fits = (text: string) => (name === 'startswith' ? text.startsWith(part) : text.endsWith(part))
    return (object, element) => {
      const text = value(object, element)
      return typeof text === 'string' && fits(text.toLowerCase())
    }
  }
  const comparison = (variable?: string): Predicate => {
    const value = path(variable)
    if (accept('/')) return anyOf(value)
    const operator = take().toLowerCase()
    if (operator === 'in') {
      take('(')
      const wanted = [literal()]
      while (accept(',')) wanted.push(literal())
      take(')')
      return (object, element) => wanted.some(one => same(value(object, element), one))
    }
    if (operator !== 'eq' && operator !== 'ne') throw graphError.badFilter(`the operator '${operator.slice(0, 20)}'.`)
    const wanted = literal()
    return (object, element) => same(value(object, element), wanted) === (operator === 'eq')
  }
  const anyOf = (list: Value): Predicate => {
    take('any')
    take('(')
    const name = take()
    take(':')
    const inner = either(name)
    take(')')
    return object => {
      const members = list(object)
      return Array.isArray(members) && members.some(member => inner(object, member))
    }
  }
  const path = (variable?: string): Value => {
    const name = take()
    if (name === variable) return (_object, element) => element
    if (!properties.has(name)) throw graphError.badFilter(`the property '${name.slice(0, 50)}'.`)
    return object => object[name]
  }
  const literal = (): string | boolean | null => {
    const token = take()
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'")
    const word = token.toLowerCase()
    if (word === 'null') return null
    if (word === 'true' || word === 'false') return word === 'true'
    throw graphError.badFilter(`the value ${token.slice(0, 50)}.`)
  }

  const whole = either()
  if (at < tokens.length) throw graphError.badFilter(`'${(peek() ?? '').slice(0, 50)}' is not expected in it.`)
  return object => whole(object)
}

const same = (value: unknown, wanted: string | boolean | null): boolean =>
  typeof value === 'string' && typeof wanted === 'string'
    ? value.toLowerCase() === wanted.toLowerCase()
    : (value ?? null) === wanted

const tokensOf = (text: string): string[] => {
  const token = /\s*('(?:[^']|'')*'|[A-Za-z_][\w.]*|[(),:/])/y
  const tokens: string[] = []
  const end = text.trimEnd().length
  while (token.lastIndex < end) {
    const from = token.lastIndex
    const found = token.exec(text)?.[1]
    if (found === undefined) throw graphError.badFilter(`'${text.slice(from, from + 30)}'.`)
    tokens.push(found)
  }
  return tokens
}
