import type { KqlType, Value } from './kql-type.ts'
import { readDatetime, readTimespan } from './times.ts'

interface Literal {
  readonly type: KqlType
  readonly value: Value
}

/** `1`, `1.5`, `0x1f`, `1e3`, `90m`. Undefined for what is none. */
export const readNumber = (text: string): Literal | undefined => {
  if (/^\d+$|^0x/i.test(text)) return finite('long', Number(text))
  if (/^[\d.]+(e[+-]?\d+)?$/i.test(text)) return finite('real', Number(text))
  const timespan = readTimespan(text)
  return timespan === null ? undefined : { type: 'timespan', value: timespan }
}

const finite = (type: KqlType, value: number): Literal | undefined =>
  Number.isFinite(value) ? { type, value } : undefined

const types: Readonly<Record<string, KqlType>> = {
  datetime: 'datetime',
  date: 'datetime',
  timespan: 'timespan',
  time: 'timespan',
  guid: 'string',
  bool: 'bool',
  boolean: 'bool',
  int: 'long',
  long: 'long',
  real: 'real',
  double: 'real',
  decimal: 'real',
}

/** `datetime(2026-01-31)`, `timespan(1h)`, `int(null)`. Undefined when what stands between the brackets is no value of the type. */
export const readLiteral = (text: string): Literal | undefined => {
  const bracket = text.indexOf('(')
  const type = types[text.slice(0, bracket).trim()] ?? 'string'
  const inner = unquoted(text.slice(bracket + 1, -1).trim())
  if (inner.toLowerCase() === 'null') return { type, value: type === 'string' ? '' : null }
  const value = readTyped(type, inner)
  return value === null ? undefined : { type, value }
}

const readTyped = (type: KqlType, text: string): Value => {
  if (type === 'datetime') return readDatetime(text)
  if (type === 'timespan') return readTimespan(text)
  if (type === 'string') return text
  if (type === 'bool') return /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : null
  const number = text === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(number)) return null
  return type === 'long' && !Number.isInteger(number) ? null : number
}

const unquoted = (text: string) => /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
}

/** The text that a string literal stands for, in any of its spellings. */
export const readText = (literal: string): string => {
  if (literal.startsWith('```')) return literal.slice(3, -3)
  const bare = literal.replace(/^[hH]/, '')
  if (bare.startsWith('@')) return bare.slice(2, -1).replaceAll(bare.charAt(1).repeat(2), bare.charAt(1))
  return bare
    .slice(1, -1)
    .replaceAll(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gs, (_whole, escaped: string) =>
      escaped.length > 1 ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16)) : (escapes[escaped] ?? escaped),
    )
}
