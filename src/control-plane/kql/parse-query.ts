import { fault } from './kql-fault.ts'
import { isOperator, parseOperator } from './parse-operator.ts'
import type { Operator, Query } from './syntax.ts'
import { TokenReader } from './token-reader.ts'

/** What Azure's tables may be put through in one query. */
const MOST = { join: 3, union: 3, 'mv-expand': 3 } as const
const MAX_OPERATORS = 100

/** Reads a query. Throws a `KqlFault` that says where it is wrong. */
export const parseQuery = (text: string): Query => {
  const reader = new TokenReader(text)
  if (reader.isMark('{') && reader.isMark('{', 1)) throw fault.notServed('A shared query ({{id}})')
  if (reader.isWord('let') || reader.isWord('set') || reader.isWord('declare'))
    throw fault.notServed(`A '${reader.peek().text}' statement`)
  const query = parsePipeline(reader)
  while (reader.takesMark(';'));
  if (reader.peek().kind !== 'end') throw reader.expected("'|' or the end of the query")
  requireFew(query)
  return query
}

/** A table, or the first operator on the table of all resources, and what follows. */
const parsePipeline = (reader: TokenReader): Query =>
  reader.deeper(() => {
    const table = isOperator(reader) ? undefined : parseTable(reader)
    const operators: Operator[] = table ? [] : [parseOperator(reader, parseSource)]
    while (reader.takesMark('|')) operators.push(parseOperator(reader, parseSource))
    return { ...(table ? { table } : {}), operators }
  })

const parseTable = (reader: TokenReader) => {
  const { at } = reader.peek()
  return { name: reader.requireName('a table or an operator'), at }
}

/** What `join` and `union` take: a table, or a query in brackets. */
const parseSource = (reader: TokenReader): Query => {
  if (!reader.takesMark('(')) return { table: parseTable(reader), operators: [] }
  const query = parsePipeline(reader)
  reader.requireMark(')')
  return query
}

const requireFew = (query: Query): void => {
  const all = operatorsOf(query)
  if (all.length > MAX_OPERATORS) throw fault.tooMany('operators', MAX_OPERATORS)
  for (const [kind, most] of Object.entries(MOST))
    if (all.filter(operator => operator.kind === kind).length > most) throw fault.tooMany(`'${kind}' operators`, most)
}

const operatorsOf = (query: Query): Operator[] =>
  query.operators.flatMap(operator => {
    if (operator.kind === 'join') return [operator, ...operatorsOf(operator.right)]
    if (operator.kind === 'union') return [operator, ...operator.sources.flatMap(operatorsOf)]
    return [operator]
  })
