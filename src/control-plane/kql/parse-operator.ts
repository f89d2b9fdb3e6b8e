import { fault } from './kql-fault.ts'
import type { KqlType } from './kql-type.ts'
import { parseExpression, parseNamed } from './parse-expression.ts'
import type { Expansion, JoinKind, Named, Operator, ParsePart, Query, SortKey } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

type ParseSource = (reader: TokenReader) => Query
type ParseOperator = (reader: TokenReader, parseSource: ParseSource) => OmitAt<Operator>
type OmitAt<T> = T extends unknown ? Omit<T, 'at'> : never

const MAX_ROWS = 1_000_000
/** Azure's limits on the items of one value. */
const EXPAND_ROWS = { usual: 128, most: 400 }

/** Whether an operator stands here, and not a table. */
export const isOperator = (reader: TokenReader): boolean => {
  const { kind, text } = reader.peek()
  return kind === 'name' && (Object.hasOwn(operators, text) || notServed.has(text))
}

/** Reads one operator with all that belongs to it. */
export const parseOperator = (reader: TokenReader, parseSource: ParseSource): Operator => {
  const { at, text } = reader.peek()
  if (reader.peek().kind === 'name' && notServed.has(text)) throw fault.notServed(`The operator '${text}'`)
  const parse = reader.peek().kind === 'name' && Object.hasOwn(operators, text) ? operators[text] : undefined
  if (!parse) throw reader.expected('an operator')
  reader.next()
  return { ...parse(reader, parseSource), at } as Operator
}

const notServed = new Set(
  `as consume datatable evaluate externaldata facet find fork getschema graph invoke lookup make-graph make-series mv-apply parse-kv
  partition print range reduce render sample sample-distinct scan search serialize top-hitters top-nested`.split(/\s+/),
)

const parseWhere: ParseOperator = reader => ({ kind: 'where', condition: parseExpression(reader) })

const parseTake: ParseOperator = reader => ({ kind: 'take', count: reader.requireCount(MAX_ROWS) })

const parseOrder: ParseOperator = reader => {
  reader.requireWord('by')
  return { kind: 'order', keys: parseSortKeys(reader) }
}

const parseTop: ParseOperator = reader => {
  const count = reader.requireCount(MAX_ROWS)
  reader.requireWord('by')
  return { kind: 'top', count, keys: parseSortKeys(reader) }
}

const parseSortKeys = (reader: TokenReader): SortKey[] =>
  reader.list(() => {
    const expression = parseExpression(reader)
    const isDescending = reader.takesWord('asc') ? false : reader.takesWord('desc') || true
    if (!reader.takesWord('nulls')) return { expression, isDescending }
    const nulls = reader.takesWord('first') ? 'first' : 'last'
    if (nulls === 'last') reader.requireWord('last')
    return { expression, isDescending, nulls }
  })

const columnsOf =
  (kind: 'project' | 'extend'): ParseOperator =>
  reader => ({ kind, columns: reader.list(() => parseNamed(reader)) })

/** Names of columns, where `*` stands for any text: `prop*`. */
const patternsOf =
  (kind: 'project-away' | 'project-keep' | 'project-reorder'): ParseOperator =>
  reader => ({ kind, patterns: reader.list(() => parsePattern(reader)) })

const parsePattern = (reader: TokenReader): string => {
  const isStarred = reader.takesMark('*')
  if (isStarred && reader.peek().kind !== 'name') return '*'
  let pattern = `${isStarred ? '*' : ''}${reader.requireName('the name of a column')}`
  if (reader.takesMark('*')) pattern += '*'
  return pattern
}

const parseRename: ParseOperator = reader => ({
  kind: 'project-rename',
  renames: reader.list(() => {
    const to = reader.requireName('the new name of a column')
    reader.requireMark('=')
    return { to, from: reader.requireName('the name of a column') }
  }),
})

const parseSummarize: ParseOperator = reader => {
  const aggregates = reader.isWord('by') ? [] : reader.list(() => parseNamed(reader))
  const by: readonly Named[] = reader.takesWord('by') ? reader.list(() => parseNamed(reader)) : []
  return { kind: 'summarize', aggregates, by }
}

const parseDistinct: ParseOperator = reader =>
  reader.takesMark('*')
    ? { kind: 'distinct', columns: '*' }
    : { kind: 'distinct', columns: reader.list(() => parseNamed(reader)) }

/** `kind=inner`, `isfuzzy=true`: settings in front of an operator's own parts. */
const parseSettings = (reader: TokenReader, known: readonly string[]): ReadonlyMap<string, string> => {
  const settings = new Map<string, string>()
  while (known.includes(reader.peek().text) && reader.isMark('=', 1)) {
    const name = reader.next().text
    reader.next()
    settings.set(name, reader.next().text)
  }
  return settings
}

const parseUnion: ParseOperator = (reader, parseSource) => {
  const settings = parseSettings(reader, ['kind', 'withsource', 'isfuzzy'])
  const kind = settings.get('kind') ?? 'outer'
  if (kind !== 'outer' && kind !== 'inner') throw fault.notServed(`A union of kind '${kind}'`)
  const sourceColumn = settings.get('withsource')
  return {
    kind: 'union',
    sources: reader.list(() => parseSource(reader)),
    isInner: kind === 'inner',
    ...(sourceColumn === undefined ? {} : { sourceColumn }),
  }
}

const joinKinds: readonly JoinKind[] = ['inner', 'innerunique', 'leftouter']

const parseJoin: ParseOperator = (reader, parseSource) => {
  const named = parseSettings(reader, ['kind']).get('kind') ?? 'innerunique'
  const join = joinKinds.find(kind => kind === named)
  if (!join) throw fault.notServed(`A join of kind '${named}'`)
  const right = parseSource(reader)
  reader.requireWord('on')
  return { kind: 'join', join, right, on: reader.list(() => parseJoinKey(reader)) }
}

const parseJoinKey = (reader: TokenReader): { left: string; right: string } => {
  if (!reader.isWord('$left') && !reader.isWord('$right')) {
    const name = reader.requireName('the name of a column of both tables')
    return { left: name, right: name }
  }
  const one = parseSide(reader)
  reader.requireMark('==')
  const other = parseSide(reader)
  if (one.side === other.side) throw reader.expected("'$left.NAME == $right.NAME'")
  return one.side === '$left' ? { left: one.name, right: other.name } : { left: other.name, right: one.name }
}

const parseSide = (reader: TokenReader) => {
  if (!reader.isWord('$left') && !reader.isWord('$right')) throw reader.expected("'$left' or '$right'")
  const side = reader.next().text
  reader.requireMark('.')
  return { side, name: reader.requireName('the name of a column') }
}

const types: Readonly<Record<string, KqlType>> = {
  string: 'string',
  long: 'long',
  int: 'long',
  real: 'real',
  double: 'real',
  bool: 'bool',
  datetime: 'datetime',
  timespan: 'timespan',
  dynamic: 'dynamic',
}

const parseType = (reader: TokenReader): KqlType => {
  const { kind, text } = reader.peek()
  if (kind !== 'name' || !Object.hasOwn(types, text)) throw reader.expected('the name of a type')
  reader.next()
  return types[text] as KqlType
}

const parseExpand: ParseOperator = reader => {
  const settings = parseSettings(reader, ['bagexpansion', 'with_itemindex'])
  if ((settings.get('bagexpansion') ?? 'bag') !== 'bag') throw fault.notServed("'bagexpansion=array'")
  const indexColumn = settings.get('with_itemindex')
  const expansions = reader.list(() => parseExpansion(reader))
  const limit = reader.takesWord('limit') ? reader.requireCount(MAX_ROWS) : EXPAND_ROWS.usual
  if (limit > EXPAND_ROWS.most) throw fault.tooMany("rows per value of 'mv-expand'", EXPAND_ROWS.most)
  return { kind: 'mv-expand', expansions, limit, ...(indexColumn === undefined ? {} : { indexColumn }) }
}

const parseExpansion = (reader: TokenReader): Expansion => {
  const named = parseNamed(reader)
  if (!reader.takesWord('to')) return named
  reader.requireWord('typeof')
  reader.requireMark('(')
  const type = parseType(reader)
  reader.requireMark(')')
  return { ...named, type }
}

const parseParse =
  (keepsOnlyMatches: boolean): ParseOperator =>
  reader => {
    const kind = parseSettings(reader, ['kind']).get('kind') ?? 'simple'
    if (kind !== 'simple') throw fault.notServed(`A parse of kind '${kind}'`)
    const of = parseExpression(reader)
    reader.requireWord('with')
    const parts: ParsePart[] = []
    while (reader.peek().kind === 'name' || reader.peek().kind === 'literal' || reader.isMark('*'))
      parts.push(parseParsePart(reader))
    if (parts.length === 0) throw reader.expected('a pattern')
    return { kind: 'parse', of, parts, keepsOnlyMatches }
  }

const parseParsePart = (reader: TokenReader): ParsePart => {
  if (reader.takesMark('*')) return { kind: 'skip' }
  if (reader.peek().kind === 'literal') return { kind: 'text', text: reader.requireText('a text') }
  const name = reader.requireName()
  return { kind: 'column', name, type: reader.takesMark(':') ? parseType(reader) : 'string' }
}

const operators: Readonly<Record<string, ParseOperator>> = {
  where: parseWhere,
  filter: parseWhere,
  project: columnsOf('project'),
  extend: columnsOf('extend'),
  'project-away': patternsOf('project-away'),
  'project-keep': patternsOf('project-keep'),
  'project-reorder': patternsOf('project-reorder'),
  'project-rename': parseRename,
  summarize: parseSummarize,
  distinct: parseDistinct,
  count: () => ({ kind: 'count' }),
  take: parseTake,
  limit: parseTake,
  order: parseOrder,
  sort: parseOrder,
  top: parseTop,
  union: parseUnion,
  join: parseJoin,
  'mv-expand': parseExpand,
  mvexpand: parseExpand,
  parse: parseParse(false),
  'parse-where': parseParse(true),
}
