import { fault, type KqlFault } from './kql-fault.ts'
import { lexQuery, type Token } from './lex-query.ts'

const MAX_DEPTH = 60

/** Goes over the tokens of a query; knows how deep it is in brackets, and how to say that something else was expected. */
export class TokenReader {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  constructor(text: string) {
    this.#text = text
    this.#tokens = lexQuery(text)
  }
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token
  }
  next(): Token {
    const token = this.peek()
    this.#at++
    return token
  }
  isMark(text: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'mark' && token.text === text
  }
  isWord(text: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'name' && token.text === text
  }
  takesMark(text: string): boolean {
    const isIt = this.isMark(text)
    if (isIt) this.#at++
    return isIt
  }
  takesWord(text: string): boolean {
    const isIt = this.isWord(text)
    if (isIt) this.#at++
    return isIt
  }
  requireMark(text: string): void {
    if (!this.takesMark(text)) throw this.expected(`'${text}'`)
  }
  requireWord(text: string): void {
    if (!this.takesWord(text)) throw this.expected(`'${text}'`)
  }
  /** A name, bare or as `['any text']`. */
  requireName(what = 'a name'): string {
    const token = this.peek()
    if (token.kind === 'name' && !token.text.startsWith('!')) return this.next().text
    if (!this.isMark('[') || this.peek(1).kind !== 'literal') throw this.expected(what)
    this.next()
    const name = this.requireText(what)
    this.requireMark(']')
    return name
  }
  requireText(what: string): string {
    const token = this.peek()
    if (token.kind !== 'literal' || token.type !== 'string') throw this.expected(what)
    this.next()
    return String(token.value)
  }
  /** A whole number of rows, items or characters, from 0 to `most`. */
  requireCount(most: number): number {
    const token = this.peek()
    if (token.kind !== 'literal' || token.type !== 'long' || token.value === null) throw this.expected('a whole number')
    this.next()
    return Math.min(Number(token.value), most)
  }
  /** Reads something that may hold something of its own kind. */
  deeper<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw fault.tooMany('levels of brackets', MAX_DEPTH)
    const value = read()
    this.#depth--
    return value
  }
  /** One or more, with commas between them. */
  list<T>(read: () => T): T[] {
    const items = [read()]
    while (this.takesMark(',')) items.push(read())
    return items
  }
  expected(what: string): KqlFault {
    const { at, text } = this.peek()
    return fault.syntax(this.#text, at, text, what)
  }
}
