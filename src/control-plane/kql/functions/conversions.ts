import { orderOf } from '../compare.ts'
import { convert } from '../convert.ts'
import { fault } from '../kql-fault.ts'
import { isList, isNumeric, type KqlType, type Value } from '../kql-type.ts'
import { type Call, define, type KqlFunction } from './kql-function.ts'

const to = (type: KqlType): KqlFunction =>
  define(
    'any',
    type,
    ({ types }) =>
      (value: Value) =>
        convert(value, types[0] as KqlType, type),
  )

/** The one type of several values: whole numbers become real beside real ones, everything dynamic beside what is. */
const oneType = (name: string, types: readonly KqlType[]): KqlType => {
  const [first = 'dynamic'] = types
  if (types.every(type => type === first)) return first
  if (types.every(isNumeric)) return 'real'
  if (types.includes('dynamic')) return 'dynamic'
  throw fault.invalid(
    `The values of '${name}' must be of one type, they are of types ${[...new Set(types)].join(', ')}.`,
  )
}

const typeOfBranches = ({ name, types }: Call) =>
  oneType(
    name,
    types.filter((_, at) => at % 2 === 1 || at === types.length - 1),
  )

const choose = (call: Call) => {
  if (call.types.length % 2 === 0)
    throw fault.invalid("'case' takes pairs of a condition and a value, and a value for all else.")
  return (...values: readonly Value[]) => {
    for (let at = 0; at + 1 < values.length; at += 2) if (values[at] === true) return values[at + 1] as Value
    return values.at(-1) ?? null
  }
}

const isAbsent = (value: Value) => value === null || value === ''

const typeName = (value: Value, type: KqlType): string => {
  if (type !== 'dynamic') return type
  if (value === null) return 'null'
  if (typeof value === 'object') return isList(value) ? 'array' : 'dictionary'
  return typeof value === 'number'
    ? Number.isInteger(value)
      ? 'long'
      : 'double'
    : typeof value === 'boolean'
      ? 'bool'
      : 'string'
}

const extreme = (sign: number): KqlFunction =>
  define(
    'any...',
    ({ name, types }) => oneType(name, types),
    () =>
      (...values: readonly Value[]) =>
        values
          .filter(value => value !== null)
          .reduce(
            (best, value) => (orderOf(value, best) * sign > 0 ? value : best),
            values.find(value => value !== null) ?? null,
          ),
  )

export const conversionFunctions: Readonly<Record<string, KqlFunction>> = {
  tostring: to('string'),
  toguid: to('string'),
  toint: to('long'),
  tolong: to('long'),
  todouble: to('real'),
  toreal: to('real'),
  todecimal: to('real'),
  tobool: to('bool'),
  toboolean: to('bool'),
  todatetime: to('datetime'),
  totimespan: to('timespan'),
  gettype: define(
    'any',
    'string',
    ({ types }) =>
      (value: Value) =>
        typeName(value, types[0] as KqlType),
  ),
  isnull: define('any', 'bool', () => (value: Value) => value === null),
  isnotnull: define('any', 'bool', () => (value: Value) => value !== null),
  not: define('bool', 'bool', () => (value: boolean) => !value),
  iff: define('any, any, any', ({ name, types }) => oneType(name, types.slice(1)), choose),
  case: define('any, any, any...', typeOfBranches, choose),
  coalesce: define(
    'any...',
    ({ name, types }) => oneType(name, types),
    () =>
      (...values: readonly Value[]) =>
        values.find(value => !isAbsent(value)) ?? values.at(-1) ?? null,
  ),
  max_of: extreme(1),
  min_of: extreme(-1),
}
