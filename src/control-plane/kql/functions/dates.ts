import { fault } from '../kql-fault.ts'
import type { KqlType, Value } from '../kql-type.ts'
import { DAY_MS, dateOf } from '../times.ts'
import { type Call, define, type KqlFunction } from './kql-function.ts'

const steps: Readonly<Record<string, number>> = {
  week: 7 * DAY_MS,
  day: DAY_MS,
  hour: DAY_MS / 24,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
}
const months = new Map([
  ['year', 12],
  ['quarter', 3],
  ['month', 1],
])

const monthOf = (date: Date) => date.getUTCFullYear() * 12 + date.getUTCMonth()

/** How often the beginning of such a part (a day, a month) lies between the two. */
const datetimeDiff = () => (part: string, left: number, right: number) => {
  const [one, other] = [dateOf(left), dateOf(right)]
  if (!one || !other) return null
  const inMonths = months.get(part.toLowerCase())
  if (inMonths) return Math.floor(monthOf(one) / inMonths) - Math.floor(monthOf(other) / inMonths)
  const step = stepOf(part)
  // Weeks begin on Sundays; 1970 began on a Thursday.
  const from = step === steps.week ? 3 * DAY_MS : 0
  return Math.floor((left - from) / step) - Math.floor((right - from) / step)
}

const datetimeAdd = () => (part: string, amount: number, time: number) => {
  const inMonths = months.get(part.toLowerCase())
  if (!inMonths) return time + amount * stepOf(part)
  const date = dateOf(time)
  if (!date) return null
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + amount * inMonths)
  date.setUTCDate(Math.min(day, daysIn(date)))
  return date.getTime()
}

const daysIn = (date: Date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()

const stepOf = (part: string): number => {
  const step = Object.hasOwn(steps, part.toLowerCase()) ? steps[part.toLowerCase()] : undefined
  if (step) return step
  throw fault.invalid(
    `'${part.slice(0, 50)}' is no part of a date. There are ${[...months.keys(), ...Object.keys(steps)].join(', ')}.`,
  )
}

const partsOf: Readonly<Record<string, (date: Date) => number>> = {
  year: date => date.getUTCFullYear(),
  quarter: date => Math.floor(date.getUTCMonth() / 3) + 1,
  month: date => date.getUTCMonth() + 1,
  day: date => date.getUTCDate(),
  dayofyear: date => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1,
  hour: date => date.getUTCHours(),
  minute: date => date.getUTCMinutes(),
  second: date => date.getUTCSeconds(),
  millisecond: date => date.getUTCMilliseconds(),
}

const partOf = (part: string, time: number): number | null => {
  const read = Object.hasOwn(partsOf, part) ? partsOf[part] : undefined
  if (!read)
    throw fault.invalid(`'${part.slice(0, 50)}' is no part of a date. There are ${Object.keys(partsOf).join(', ')}.`)
  const date = dateOf(time)
  return date ? read(date) : null
}

const part = (name: string): KqlFunction => define('datetime', 'long', () => (time: number) => partOf(name, time))

/** The beginning of the day, week, month or year in which the time lies, or of a later or earlier one. */
const startOf = (name: 'day' | 'week' | 'month' | 'year', time: number, offset = 0): number | null => {
  const date = dateOf(time)
  if (!date) return null
  const day = Math.floor(time / DAY_MS) * DAY_MS
  if (name === 'day') return day + offset * DAY_MS
  if (name === 'week') return day - date.getUTCDay() * DAY_MS + offset * 7 * DAY_MS
  return name === 'month'
    ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1)
    : Date.UTC(date.getUTCFullYear() + offset, 0, 1)
}

const starts = (name: 'day' | 'week' | 'month' | 'year') =>
  define('datetime, long?', 'datetime', () => (time: number, offset?: number) => startOf(name, time, offset))

const ends = (name: 'day' | 'week' | 'month' | 'year') =>
  define('datetime, long?', 'datetime', () => (time: number, offset = 0) => {
    const next = startOf(name, time, offset + 1)
    return next === null ? null : next - 1
  })

const formatDatetime = (call: Call) => (time: number, format: string) => {
  const date = dateOf(time)
  if (!date) return ''
  const text = format.replaceAll(/yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|tt/g, word => formatted(word, date))
  return call.budget.made(text)
}

const formatted = (word: string, date: Date): string => {
  const two = (value: number) => String(value).padStart(word.length, '0')
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  if (word.startsWith('f')) return `${String(date.getUTCMilliseconds()).padStart(3, '0')}0000`.slice(0, word.length)
  if (word.startsWith('y')) return year.slice(-word.length)
  if (word === 'tt') return date.getUTCHours() < 12 ? 'AM' : 'PM'
  if (word.startsWith('M')) return two(date.getUTCMonth() + 1)
  if (word.startsWith('d')) return two(date.getUTCDate())
  if (word.startsWith('H')) return two(date.getUTCHours())
  if (word.startsWith('h')) return two(date.getUTCHours() % 12 || 12)
  return two(word.startsWith('m') ? date.getUTCMinutes() : date.getUTCSeconds())
}

const sameType = ({ types }: Call): KqlType => {
  const [value = 'long', step = 'long'] = types
  const isFine =
    value === 'datetime' || value === 'timespan'
      ? step === 'timespan'
      : ['long', 'real'].includes(value) && ['long', 'real'].includes(step)
  if (!isFine) throw fault.invalid(`'bin' can not round a value of type ${value} to one of type ${step}.`)
  return value === 'long' && step === 'real' ? 'real' : value
}

const bin = define(
  'any, any',
  sameType,
  () => (value: Value, step: Value) =>
    typeof value === 'number' && typeof step === 'number' && step > 0 ? Math.floor(value / step) * step : null,
)

export const dateFunctions: Readonly<Record<string, KqlFunction>> = {
  now: define(
    'timespan?',
    'datetime',
    ({ nowMs }) =>
      (offset = 0) =>
        nowMs + offset,
  ),
  ago: define(
    'timespan',
    'datetime',
    ({ nowMs }) =>
      (span: number) =>
        nowMs - span,
  ),
  datetime_diff: define('string, datetime, datetime', 'long', datetimeDiff),
  datetime_add: define('string, long, datetime', 'datetime', datetimeAdd),
  datetime_part: define(
    'string, datetime',
    'long',
    () => (name: string, time: number) => partOf(name.toLowerCase(), time),
  ),
  getyear: part('year'),
  getmonth: part('month'),
  monthofyear: part('month'),
  dayofmonth: part('day'),
  dayofyear: part('dayofyear'),
  hourofday: part('hour'),
  dayofweek: define('datetime', 'timespan', () => (time: number) => (dateOf(time)?.getUTCDay() ?? 0) * DAY_MS),
  startofday: starts('day'),
  startofweek: starts('week'),
  startofmonth: starts('month'),
  startofyear: starts('year'),
  endofday: ends('day'),
  endofweek: ends('week'),
  endofmonth: ends('month'),
  endofyear: ends('year'),
  format_datetime: define('datetime, string', 'string', formatDatetime),
  unixtime_seconds_todatetime: define('real', 'datetime', () => (seconds: number) => seconds * 1000),
  bin,
  floor: bin,
}
