import JSON5 from 'json5'
import type { Json } from '#resources/resource-document.ts'

/** JSON5 costs a microsecond for each character, so that it gets a tenth of what JSON may have. */
const MAX_JSON5_LENGTH = 400_000
const MAX_DEPTH = 100

/**
 * JSON as people write templates, and as az splices them into bodies: with comments, keys without quotes, and texts over several
 * lines, which ARM takes although no JSON dialect does; then whatever else JSON5 knows. Throws a `SyntaxError` in the words of the
 * strict reader.
 */
export const parseTolerantly = (text: string): Json => {
  try {
    return JSON.parse(text) as Json
  } catch (strict) {
    const tidied = new Tidier(text).tidied()
    for (const parse of [JSON.parse, JSON5.parse]) {
      if (parse === JSON5.parse && tidied.length > MAX_JSON5_LENGTH) break
      try {
        return parse(tidied) as Json
      } catch {
        // the next reader knows more
      }
    }
    throw strict
  }
}

/** Rewrites what is tolerated as JSON has it. One pass, as the text is a stranger's; what is no JSON stays none. */
class Tidier {
  readonly #text: string
  readonly #parts: string[] = []
  #at = 0
  #keptTo = 0
  #depth = 0
  constructor(text: string) {
    this.#text = text
  }

  tidied(): string {
    for (; this.#at < this.#text.length; this.#at++) this.#step(this.#text.charAt(this.#at))
    return this.#parts.join('') + this.#text.slice(this.#keptTo)
  }

  #step(mark: string): void {
    if (mark === '"' || mark === "'") this.#quoted(mark)
    else if (mark === '/') this.#comment()
    else if (/[A-Za-z_$]/.test(mark)) this.#word()
    else if (mark === '{' || mark === '[') this.#deeper()
    else if (mark === '}' || mark === ']') this.#depth--
  }

  /** What stands between here and `to` becomes `instead`. */
  #replace(to: number, instead: string): void {
    this.#parts.push(this.#text.slice(this.#keptTo, this.#at), instead)
    this.#keptTo = to
  }

  #deeper(): void {
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError(`JSON is nested deeper than ${MAX_DEPTH} levels`)
  }

  #quoted(mark: string): void {
    for (this.#at++; this.#at < this.#text.length && this.#text[this.#at] !== mark; this.#at++) {
      const character = this.#text[this.#at]
      if (character === '\\') this.#at++
      else if (character === '\n') this.#replace(this.#at + 1, '\\n')
      else if (character === '\r') this.#replace(this.#at + 1, '\\r')
    }
  }

  #comment(): void {
    const closing = { '*': '*/', '/': '\n' }[this.#text.charAt(this.#at + 1)]
    if (closing === undefined) return
    const found = this.#text.indexOf(closing, this.#at + 2)
    const end = found < 0 ? this.#text.length : found + closing.length
    this.#replace(end, ' ')
    this.#at = end - 1
  }

  /** A word in front of a colon is a key. */
  #word(): void {
    let end = this.#at
    while (/[\w$]/.test(this.#text.charAt(end))) end++
    let next = end
    while (/\s/.test(this.#text.charAt(next))) next++
    if (this.#text[next] === ':') this.#replace(end, `"${this.#text.slice(this.#at, end)}"`)
    this.#at = next - 1
  }
}
