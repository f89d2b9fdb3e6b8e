import type { Json } from '#resources/resource-document.ts'
import { lexExpression, type Token } from './lex-expression.ts'
import { fault } from './template-fault.ts'

/** A parsed expression; function names keep their spelling and are compared in any case. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: Json }
  | {
      readonly kind: 'call'
      /** Of a function that the template itself defines: `contoso.uniqueName()`. */
      readonly namespace?: string
      readonly name: string
      readonly parts: readonly Expression[]
    }
  /** `of.property`, `of[property]`; with `safe` (`.?`, `[?`) null where nothing is there. */
  | { readonly kind: 'member'; readonly of: Expression; readonly property: Expression; readonly safe: boolean }

const MAX_DEPTH = 100

/** Whether a string of a template is an expression: `[...]`, but not `[[...]`, which is the text `[...]`. */
export const isExpression = (text: string): boolean =>
  text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[')

/** The text of a string that is no expression. */
export const plainText = (text: string): string => (text.startsWith('[[') && text.endsWith(']') ? text.slice(1) : text)

/** Parses `[...]`. Throws a `TemplateFault` for what is no expression. */
export const parseExpression = (text: string): Expression => {
  const reader = new Reader(text)
  const parsed = readOperand(reader, 0)
  if (reader.peek().kind !== 'end') throw reader.unexpected()
  return parsed
}

class Reader {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0
  constructor(text: string) {
    this.#text = text
    this.#tokens = lexExpression(text.slice(1, -1))
  }
  peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end' }
  }
  next(): Token {
    const token = this.peek()
    this.#at++
    return token
  }
  /** Takes the mark if it is the next token. */
  takes(mark: string): boolean {
    const token = this.peek()
    const isIt = token.kind === 'mark' && token.text === mark
    if (isIt) this.#at++
    return isIt
  }
  require(mark: string): void {
    if (!this.takes(mark)) throw this.unexpected(`'${mark}'`)
  }
  unexpected(wanted = 'the end of the expression') {
    const token = this.peek()
    const found = token.kind === 'end' ? 'its end' : `'${'text' in token ? token.text.slice(0, 50) : token.value}'`
    return fault.syntax(this.#text, `expected ${wanted}, found ${found}`)
  }
  tooDeep() {
    return fault.syntax(this.#text, `it is nested deeper than ${MAX_DEPTH} levels`)
  }
}

const readOperand = (reader: Reader, depth: number): Expression => {
  if (depth > MAX_DEPTH) throw reader.tooDeep()
  let operand = readHead(reader, depth)
  for (let length = 0; ; length++) {
    const member = readMember(reader, operand, depth)
    if (!member) return operand
    // A chain of members is evaluated from its end, one call within the other.
    if (length > MAX_DEPTH) throw reader.tooDeep()
    operand = member
  }
}

const readHead = (reader: Reader, depth: number): Expression => {
  const token = reader.peek()
  if (token.kind === 'mark' || token.kind === 'end') throw reader.unexpected('a function or a value')
  reader.next()
  if (token.kind === 'string') return { kind: 'literal', value: token.text }
  if (token.kind === 'integer') return { kind: 'literal', value: token.value }
  if (reader.takes('(')) return { kind: 'call', name: token.text, parts: readArguments(reader, depth) }
  reader.require('.')
  const name = reader.next()
  if (name.kind !== 'name') throw reader.unexpected('the name of a function')
  reader.require('(')
  return { kind: 'call', namespace: token.text, name: name.text, parts: readArguments(reader, depth) }
}

const readArguments = (reader: Reader, depth: number): Expression[] => {
  const parts: Expression[] = []
  if (reader.takes(')')) return parts
  do parts.push(readOperand(reader, depth + 1))
  while (reader.takes(','))
  reader.require(')')
  return parts
}

const readMember = (reader: Reader, of: Expression, depth: number): Expression | undefined => {
  for (const [mark, safe] of [
    ['.', false],
    ['.?', true],
  ] as const)
    if (reader.takes(mark)) {
      const token = reader.next()
      if (token.kind !== 'name') throw reader.unexpected('the name of a property')
      return { kind: 'member', of, property: { kind: 'literal', value: token.text }, safe }
    }
  for (const [mark, safe] of [
    ['[', false],
    ['[?', true],
  ] as const)
    if (reader.takes(mark)) {
      const property = readOperand(reader, depth + 1)
      reader.require(']')
      return { kind: 'member', of, property, safe }
    }
  return undefined
}
