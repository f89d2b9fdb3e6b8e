import { fault } from './template-fault.ts'

export type Token =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'mark'; readonly text: string }
  | { readonly kind: 'end' }

/** Azure's own limit on the length of an expression. */
const MAX_LENGTH = 24_576

const patterns: readonly [Exclude<Token['kind'], 'end'> | 'space', RegExp][] = [
  ['space', /\s+/y],
  ['name', /[A-Za-z_$][A-Za-z0-9_$]*/y],
  ['integer', /-?\d+/y],
  ['string', /'(?:[^']|'')*'/y],
  ['mark', /\.\?|\[\?|[().,[\]]/y],
]

/** Cuts an expression (what stands between the brackets) into tokens. Throws a `TemplateFault`. */
export const lexExpression = (text: string): readonly Token[] => {
  if (text.length > MAX_LENGTH) throw fault.syntax(text, `it is longer than ${MAX_LENGTH} characters`)
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    const [kind, found] = match(text, at)
    if (kind !== 'space') tokens.push(toToken(kind, found, text))
    at += found.length
  }
  return [...tokens, { kind: 'end' }]
}

const match = (text: string, at: number): [(typeof patterns)[number][0], string] => {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found) return [kind, found]
  }
  throw fault.syntax(text, `the character '${text.charAt(at)}' at position ${at + 1} is not expected`)
}

const toToken = (kind: Exclude<Token['kind'], 'end'>, found: string, text: string): Token => {
  if (kind === 'string') return { kind, text: found.slice(1, -1).replaceAll("''", "'") }
  if (kind !== 'integer') return { kind, text: found }
  const value = Number(found)
  if (!Number.isSafeInteger(value)) throw fault.syntax(text, `the number ${found.slice(0, 40)} is too large`)
  return { kind, value }
}
