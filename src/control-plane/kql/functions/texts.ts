import { searchCost } from '../compare.ts'
import { compileRegex } from '../compile-regex.ts'
import { parseJsonText, textOf } from '../convert.ts'
import { isList, type Value } from '../kql-type.ts'
import { constantScalar, type Scalar } from '../scalar.ts'
import { type Call, define, type KqlFunction } from './kql-function.ts'

/** Cuts from the beginning, and the end, of a text what the pattern matches there. */
const trims = (atStart: boolean, atEnd: boolean) => (call: Call) => {
  const [pattern] = call.parts as [Scalar]
  const wrap = (before: string, after: string) =>
    compileRegex(constantScalar('string', `${before}(?:${pattern.constant ?? '('})${after}`), call)
  const cuts = [...(atStart ? [wrap('^', '')] : []), ...(atEnd ? [wrap('', '$')] : [])]
  return (_pattern: string, text: string) => cuts.reduce((rest, cut) => cut.replaceAll(rest, ''), text)
}

const extract = (call: Call) => {
  const regex = compileRegex(call.parts[0] as Scalar, call)
  return (_pattern: string, group: number, text: string) => {
    for (const match of regex.matches(text)) return match.groups[group] ?? ''
    return ''
  }
}

const extractAll = (call: Call) => {
  const regex = compileRegex(call.parts[0] as Scalar, call)
  return (_pattern: string, text: string) => {
    const found: Value[] = []
    for (const { groups } of regex.matches(text)) {
      const captured = groups.slice(1)
      found.push(captured.length > 1 ? captured : (captured[0] ?? groups[0] ?? ''))
    }
    return found.length === 0 ? null : call.budget.made(found)
  }
}

const replaceRegex = (call: Call) => {
  const regex = compileRegex(call.parts[1] as Scalar, call)
  return (text: string, _pattern: string, by: string) => regex.replaceAll(text, by)
}

/** The older order of arguments: pattern, replacement, text. */
const replace = (call: Call) => {
  const regex = compileRegex(call.parts[0] as Scalar, call)
  return (_pattern: string, by: string, text: string) => regex.replaceAll(text, by)
}

const replaceString = (call: Call) => (text: string, part: string, by: string) => {
  call.budget.spend(searchCost(text, part))
  const pieces = part === '' ? [text] : text.split(part)
  call.budget.willMake(text.length + pieces.length * by.length)
  return pieces.join(by)
}

const split = (call: Call) => (text: string, separator: string, index?: number) => {
  call.budget.spend(searchCost(text, separator))
  const pieces = separator === '' ? [text] : text.split(separator)
  if (index === undefined) return call.budget.made(pieces)
  return index < pieces.length && index >= 0 ? [pieces[index] as string] : []
}

const strcat =
  (call: Call) =>
  (...values: readonly Value[]) =>
    call.budget.made(values.map((value, at) => textOf(value, call.types[at] ?? 'string')).join(''))

const join = (call: Call) => (list: Value, separator: string) => {
  if (!isList(list)) return ''
  call.budget.willMake(call.budget.sizeOf(list) + list.length * separator.length)
  return list.map(item => textOf(item, 'dynamic')).join(separator)
}

const strcatDelim =
  (call: Call) =>
  (separator: string, ...values: readonly Value[]) =>
    call.budget.made(values.map((value, at) => textOf(value, call.types[at + 1] ?? 'string')).join(separator))

const indexOf =
  (call: Call) =>
  (text: string, part: string, from = 0) => {
    call.budget.spend(searchCost(text, part))
    return text.indexOf(part, from < 0 ? Math.max(0, text.length + from) : from)
  }

const countOf = (call: Call) => (text: string, part: string) => {
  call.budget.spend(searchCost(text, part))
  return part === '' ? 0 : text.split(part).length - 1
}

/** Numbers and dots of a version as one number that orders like it: up to four parts of eight digits. */
const parseVersion = () => (text: string) => {
  const parts = /^\d{1,8}(\.\d{1,8}){0,3}$/.test(text) ? text.split('.') : undefined
  if (!parts) return null
  return Array.from({ length: 4 }, (_, at) => Number(parts[at] ?? 0)).reduce((sum, part) => sum * 1e8 + part, 0)
}

export const textFunctions: Readonly<Record<string, KqlFunction>> = {
  tolower: define('string', 'string', () => (text: string) => text.toLowerCase()),
  toupper: define('string', 'string', () => (text: string) => text.toUpperCase()),
  strlen: define('string', 'long', () => (text: string) => [...text].length),
  reverse: define('string', 'string', () => (text: string) => [...text].reverse().join('')),
  isempty: define(
    'any',
    'bool',
    ({ types }) =>
      (value: Value) =>
        textOf(value, types[0] ?? 'string') === '',
  ),
  isnotempty: define(
    'any',
    'bool',
    ({ types }) =>
      (value: Value) =>
        textOf(value, types[0] ?? 'string') !== '',
  ),
  strcat: define('any...', 'string', strcat),
  strcat_delim: define('string, any...', 'string', strcatDelim),
  strcat_array: define('dynamic, string', 'string', join),
  split: define('string, string, long?', 'dynamic', split),
  substring: define('string, long, long?', 'string', () => (text: string, from: number, length = text.length) => {
    const start = from < 0 ? Math.max(0, text.length + from) : from
    return text.slice(start, start + Math.max(0, length))
  }),
  indexof: define('string, string, long?', 'long', indexOf),
  countof: define('string, string', 'long', countOf),
  replace: define('string, string, string', 'string', replace),
  replace_regex: define('string, string, string', 'string', replaceRegex),
  replace_string: define('string, string, string', 'string', replaceString),
  extract: define('string, long, string', 'string', extract),
  extract_all: define('string, string', 'dynamic', extractAll),
  trim: define('string, string', 'string', trims(true, true)),
  trim_start: define('string, string', 'string', trims(true, false)),
  trim_end: define('string, string', 'string', trims(false, true)),
  parse_version: define('string', 'real', parseVersion),
  parse_json: define(
    'any',
    'dynamic',
    ({ types, budget }) =>
      (value: Value) =>
        types[0] === 'string' ? budget.made(parseJsonText(String(value))) : value,
  ),
}
