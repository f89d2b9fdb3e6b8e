import { isBag, isList, type KqlType, type Value } from './kql-type.ts'
import { dateOf, readDatetime, readTimespan, showDatetime, showTimespan } from './times.ts'

/** The value as text: `''` for null, JSON for lists and bags. */
export const textOf = (value: Value, type: KqlType): string => {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number' && type === 'datetime') return showDatetime(value)
  if (typeof value === 'number' && type === 'timespan') return showTimespan(value)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const numberOf = (value: Value): number | null => {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'string')
    return /^\s*[-+]?(\d+\.?\d*([eE][-+]?\d{1,4})?|\.\d+|0[xX][0-9a-fA-F]+)\s*$/.test(value) ? Number(value) : null
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

const longOf = (value: Value): number | null => {
  const number = numberOf(value)
  return number === null ? null : Math.trunc(number)
}

const boolOf = (value: Value): boolean | null => {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value !== 'string') return null
  const text = value.trim().toLowerCase()
  return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : null
}

const datetimeOf = (value: Value): number | null => (typeof value === 'string' ? readDatetime(value) : null)

const timespanOf = (value: Value): number | null => (typeof value === 'string' ? readTimespan(value.trim()) : null)

/** What a value becomes inside of a list or a bag, where there is nothing but JSON. */
export const toDynamic = (value: Value, type: KqlType): Value =>
  (type === 'datetime' || type === 'timespan') && value !== null ? textOf(value, type) : value

/** The value as another type's: null (for texts `''`) where it has none. */
export const convert = (value: Value, from: KqlType, to: KqlType): Value => {
  if (from === to) return value
  if (to === 'string') return textOf(value, from)
  if (to === 'dynamic') return toDynamic(value, from)
  if (from === 'datetime' || from === 'timespan') return isTick(to) ? value : null
  if (to === 'long') return longOf(value)
  if (to === 'real') return numberOf(value)
  if (to === 'bool') return boolOf(value)
  return to === 'datetime' ? datetimeOf(value) : timespanOf(value)
}

const isTick = (type: KqlType) => type === 'long' || type === 'real'

/** The value as the API shows it: JSON, with dates and spans as text. */
export const showValue = (value: Value, type: KqlType): Value => {
  if (typeof value !== 'number') return value
  if (type === 'datetime') return dateOf(value)?.toISOString() ?? null
  if (type === 'timespan') return showTimespan(value)
  return Number.isFinite(value) ? value : null
}

/** What can be read from JSON text; the text itself where it is none, as `parse_json` has it. */
export const parseJsonText = (text: string): Value => {
  try {
    const value = JSON.parse(text) as Value
    return isBag(value) || isList(value) || typeof value !== 'object' ? value : null
  } catch {
    return text === '' ? null : text
  }
}
