import type { Value } from './kql-type.ts'
import { requireLow } from './require-low.ts'
import type { Expression, Named } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** Operators by how tightly they bind, loosest first; `or` and `and` are looser than all of them. */
const levels: readonly ReadonlySet<string>[] = [
  new Set(['==', '!=', '<>', '=~', '!~', '<', '<=', '>', '>=']),
  new Set(['+', '-']),
  new Set(['*', '/', '%']),
]

/** Operators between texts, each also with `!` in front and, where it says so, with `_cs` behind. */
const stringOperators = new Set(
  ['contains', 'has', 'startswith', 'endswith', 'hasprefix', 'hassuffix'].flatMap(name => [
    name,
    `!${name}`,
    `${name}_cs`,
    `!${name}_cs`,
  ]),
)
const listOperators = new Set(['in', '!in', 'in~', '!in~', 'has_any', 'has_all'])
const rangeOperators = new Set(['between', '!between'])

/** Reads a scalar expression. Throws a `KqlFault` with the position of what is wrong. */
export const parseExpression = (reader: TokenReader): Expression => requireLow(parseInner(reader))

/** `name = expression` or an expression. */
export const parseNamed = (reader: TokenReader): Named => {
  const isPlain = reader.peek().kind === 'name' && reader.isMark('=', 1)
  const isBracketed = reader.isMark('[') && reader.isMark(']', 2) && reader.isMark('=', 3)
  if (!isPlain && !isBracketed) return { expression: parseExpression(reader) }
  const name = reader.requireName()
  reader.requireMark('=')
  return { name, expression: parseExpression(reader) }
}

const parseInner = (reader: TokenReader): Expression => reader.deeper(() => parseAny(reader))

const parseAny = (reader: TokenReader): Expression => {
  const { at } = reader.peek()
  const parts = [parseAll(reader)]
  while (reader.takesWord('or')) parts.push(parseAll(reader))
  return parts.length === 1 ? (parts[0] as Expression) : { kind: 'any', parts, at }
}

const parseAll = (reader: TokenReader): Expression => {
  const { at } = reader.peek()
  const parts = [parseLevel(reader, 0)]
  while (reader.takesWord('and')) parts.push(parseLevel(reader, 0))
  return parts.length === 1 ? (parts[0] as Expression) : { kind: 'all', parts, at }
}

const parseLevel = (reader: TokenReader, level: number): Expression => {
  const operators = levels[level]
  if (!operators) return parseSigned(reader)
  let left = parseLevel(reader, level + 1)
  for (;;) {
    const more = level === 0 ? parseWordOperator(reader, left) : undefined
    const token = reader.peek()
    if (!more && !(token.kind === 'mark' && operators.has(token.text))) return left
    if (more) left = more
    else {
      reader.next()
      left = { kind: 'binary', operator: token.text, left, right: parseLevel(reader, level + 1), at: token.at }
    }
  }
}

/** `a has b`, `a in (b, c)`, `a between (b .. c)`, `a matches regex b`. */
const parseWordOperator = (reader: TokenReader, of: Expression): Expression | undefined => {
  const { kind, text, at } = reader.peek()
  if (kind !== 'name') return undefined
  if (stringOperators.has(text)) {
    reader.next()
    return { kind: 'binary', operator: text, left: of, right: parseLevel(reader, 1), at }
  }
  if (text === 'matches' && reader.isWord('regex', 1)) {
    reader.next()
    reader.next()
    return { kind: 'binary', operator: 'matches regex', left: of, right: parseLevel(reader, 1), at }
  }
  if (listOperators.has(text)) {
    reader.next()
    return { kind: 'among', operator: text, of, parts: parseParts(reader), at }
  }
  return rangeOperators.has(text) ? parseRange(reader, of) : undefined
}

const parseRange = (reader: TokenReader, of: Expression): Expression => {
  const { text: operator, at } = reader.next()
  reader.requireMark('(')
  const from = parseInner(reader)
  reader.requireMark('..')
  const to = parseInner(reader)
  reader.requireMark(')')
  return { kind: 'among', operator, of, parts: [from, to], at }
}

const parseParts = (reader: TokenReader): readonly Expression[] => {
  reader.requireMark('(')
  if (reader.takesMark(')')) return []
  const parts = reader.list(() => parseInner(reader))
  reader.requireMark(')')
  return parts
}

const parseSigned = (reader: TokenReader): Expression => {
  const { at } = reader.peek()
  if (reader.takesMark('-')) return reader.deeper(() => ({ kind: 'minus', of: parseSigned(reader), at }))
  if (reader.takesMark('+')) return reader.deeper(() => parseSigned(reader))
  let operand = parseHead(reader)
  for (;;) {
    const member = parseMember(reader, operand)
    if (!member) return operand
    operand = member
  }
}

const parseHead = (reader: TokenReader): Expression => {
  const token = reader.peek()
  const { at } = token
  if (token.kind === 'literal') {
    reader.next()
    return { kind: 'literal', type: token.type, value: token.value, at }
  }
  if (reader.takesMark('*')) return { kind: 'star', at }
  if (reader.takesMark('(')) {
    const inner = parseInner(reader)
    reader.requireMark(')')
    return inner
  }
  if (reader.isMark('[')) return { kind: 'name', name: reader.requireName("a name in brackets, ['name']"), at }
  const name = reader.requireName('a value, a column or a function')
  if (name === 'dynamic' && reader.takesMark('(')) return parseDynamic(reader, at)
  if (reader.isMark('(')) return { kind: 'call', name, parts: parseParts(reader), at }
  if (name === 'true' || name === 'false') return { kind: 'literal', type: 'bool', value: name === 'true', at }
  return { kind: 'name', name, at }
}

const parseMember = (reader: TokenReader, of: Expression): Expression | undefined => {
  const { at } = reader.peek()
  if (reader.takesMark('.')) return { kind: 'member', of, name: reader.requireName('the name of a member'), at }
  if (!reader.takesMark('[')) return undefined
  const index = parseInner(reader)
  reader.requireMark(']')
  if (index.kind === 'literal' && index.type === 'string') return { kind: 'member', of, name: String(index.value), at }
  return { kind: 'index', of, index, at }
}

const parseDynamic = (reader: TokenReader, at: number): Expression => {
  const value = parseJson(reader)
  reader.requireMark(')')
  return { kind: 'literal', type: 'dynamic', value, at }
}

/** What JSON is, from the tokens of the query. */
const parseJson = (reader: TokenReader): Value =>
  reader.deeper(() => {
    if (reader.takesMark('[')) return parseJsonList(reader)
    if (reader.takesMark('{')) return parseJsonBag(reader)
    const minus = reader.takesMark('-')
    const token = reader.next()
    if (token.kind === 'literal') return minus ? -Number(token.value) : token.value
    if (token.text === 'null') return null
    if (token.text !== 'true' && token.text !== 'false') throw reader.expected('a JSON value')
    return token.text === 'true'
  })

const parseJsonList = (reader: TokenReader): Value => {
  if (reader.takesMark(']')) return []
  const items = reader.list(() => parseJson(reader))
  reader.requireMark(']')
  return items
}

const parseJsonBag = (reader: TokenReader): Value => {
  if (reader.takesMark('}')) return {}
  const members = reader.list((): [string, Value] => {
    const name = reader.requireText('the name of a member')
    reader.requireMark(':')
    return [name, parseJson(reader)]
  })
  reader.requireMark('}')
  return Object.fromEntries(members)
}
