const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

const units: readonly [RegExp, number][] = [
  [/^(d|days?)$/, DAY_MS],
  [/^(h|hrs?|hours?)$/, HOUR_MS],
  [/^(m|min|minutes?)$/, MINUTE_MS],
  [/^(s|sec|seconds?)$/, SECOND_MS],
  [/^(ms|millis?|milliseconds?)$/, 1],
  [/^(micros?|microseconds?)$/, 0.001],
  [/^ticks?$/, 0.0001],
]

/** Milliseconds of `90m`, `1.5h`, `1.02:03:04.5`; null for what is no timespan. */
export const readTimespan = (text: string): number | null => {
  const [, amount, unit = ''] = /^(-?\d+(?:\.\d+)?)\s*([a-zA-Z]+)$/.exec(text) ?? []
  if (amount !== undefined) {
    const found = units.find(([pattern]) => pattern.test(unit))
    return found ? Number(amount) * found[1] : null
  }
  const parts = /^(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,7})?))?$/.exec(text)
  if (!parts) return /^-?\d{1,8}$/.test(text) ? Number(text) * DAY_MS : null
  const [, minus, days = 0, hours = 0, minutes = 0, seconds = 0] = parts
  const total =
    Number(days) * DAY_MS + Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * SECOND_MS
  return minus ? -total : total
}

const DATETIME =
  /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i

/** Milliseconds since 1970 of an ISO 8601 date, in UTC unless it says otherwise; null for what is none. */
export const readDatetime = (text: string): number | null => {
  const parts = DATETIME.exec(text.trim())
  if (!parts) return null
  const [, year = '', month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '0', zone = 'Z'] =
    parts
  const two = (digits: string) => digits.padStart(2, '0')
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^(.\d{2}):?/, '$1:')
  const iso = `${year}-${two(month)}-${two(day)}T${two(hour)}:${minute}:${second}.${fraction.slice(0, 3)}${offset}`
  const time = Date.parse(iso)
  return Number.isNaN(time) ? null : time
}

const MAX_DATE_MS = 8.64e15

/** `2026-01-31T12:00:00.0000000Z`; a date that no calendar has is empty. */
export const showDatetime = (time: number): string =>
  Math.abs(time) > MAX_DATE_MS ? '' : new Date(time).toISOString().replace(/(\.\d{3})Z$/, '$10000Z')

/** `1.02:03:04.5000000`, without days and fraction where there are none. */
export const showTimespan = (span: number): string => {
  const ticks = Math.round(Math.abs(span) * 10_000)
  const days = Math.floor(ticks / (DAY_MS * 10_000))
  const rest = ticks % (DAY_MS * 10_000)
  const two = (value: number) => String(value).padStart(2, '0')
  const seconds = Math.floor(rest / 10_000_000)
  const fraction = rest % 10_000_000
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `${span < 0 ? '-' : ''}${days ? `${days}.` : ''}${clock}${fraction ? `.${String(fraction).padStart(7, '0')}` : ''}`
}

/** A datetime can be out of the calendar's range after arithmetic; then there is none. */
export const dateOf = (time: number): Date | undefined => (Math.abs(time) > MAX_DATE_MS ? undefined : new Date(time))
