import { fault } from './kql-fault.ts'
import type { KqlType, Value } from './kql-type.ts'
import { readLiteral, readNumber, readText } from './read-literal.ts'

/** A piece of a query's text; `at` is where it begins there. */
export type Token = { readonly at: number; readonly text: string } & (
  | { readonly kind: 'name' | 'mark' | 'end' }
  | { readonly kind: 'literal'; readonly type: KqlType; readonly value: Value }
)

const MAX_LENGTH = 100_000
const MAX_TOKENS = 25_000

type Kind = 'space' | 'name' | 'typed' | 'number' | 'text' | 'mark'

/** The first that matches wins. None of them goes back over what it has read, so each is linear. */
const patterns: readonly [Kind, RegExp][] = [
  ['space', /(?:\s|\/\/[^\n]*)+/y],
  ['typed', /(?:datetime|date|timespan|time|guid|bool|boolean|int|long|real|double|decimal)\s*\([^()]*\)/y],
  ['text', /[hH]?@"(?:[^"]|"")*"|[hH]?@'(?:[^']|'')*'|[hH]?"(?:[^"\\\n]|\\[^\n])*"|[hH]?'(?:[^'\\\n]|\\[^\n])*'/y],
  ['text', /```(?:[^`]|`(?!``))*```/y],
  [
    'name',
    /project-(?:away|keep|rename|reorder|smart)(?![\w-])|mv-(?:expand|apply)(?![\w-])|(?:top-nested|top-hitters|make-series|make-graph|parse-where|parse-kv|sample-distinct)(?![\w-])/y,
  ],
  ['name', /!?in~|![a-z_]+/y],
  ['name', /\\?[A-Za-z_$][\w$]*/y],
  ['number', /0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+(?![\w])|[a-zA-Z]+)?/y],
  ['mark', /=~|!~|==|!=|<>|<=|>=|=>|\.\.|[-+*/%<>=()[\]{},.|;:?]/y],
]

/** Cuts a query into tokens. Throws a `KqlFault` for what is none, and beyond the limits. */
export const lexQuery = (text: string): readonly Token[] => {
  if (text.length > MAX_LENGTH) throw fault.tooMany('characters', MAX_LENGTH)
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    const [kind, found] = match(text, at)
    if (kind !== 'space') tokens.push(toToken(kind, found, at, text))
    if (tokens.length > MAX_TOKENS) throw fault.tooMany('words', MAX_TOKENS)
    at += found.length
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

const match = (text: string, at: number): [Kind, string] => {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found) return [kind, found]
  }
  const isText = /['"`]/.test(text.charAt(at))
  throw fault.syntax(
    text,
    at,
    text.charAt(at),
    isText ? 'the end of the text that begins here' : 'a name, a value or an operator',
  )
}

const toToken = (kind: Exclude<Kind, 'space'>, found: string, at: number, text: string): Token => {
  if (kind === 'mark') return { kind, at, text: found }
  // `\$type`: the way to write a name that begins with `$` where a shell would take it away.
  if (kind === 'name') return { kind, at, text: found.replace(/^\\/, '') }
  if (kind === 'text') return { kind: 'literal', at, text: found, type: 'string', value: readText(found) }
  const literal = kind === 'number' ? readNumber(found) : readLiteral(found)
  if (!literal) throw fault.syntax(text, at, found, 'a value of that type')
  return { kind: 'literal', at, text: found, ...literal }
}
