import { fault } from '../template-fault.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = 'January February March April May June July August September October November December'.split(' ')

const two = (value: number) => String(value).padStart(2, '0')
const short = (names: readonly string[], index: number) => names[index]?.slice(0, 3) ?? ''

/** .NET's standard formats for the invariant culture that make sense in UTC. */
const standard = new Map([
  ['d', 'MM/dd/yyyy'],
  ['D', 'dddd, dd MMMM yyyy'],
  ['f', 'dddd, dd MMMM yyyy HH:mm'],
  ['F', 'dddd, dd MMMM yyyy HH:mm:ss'],
  ['g', 'MM/dd/yyyy HH:mm'],
  ['G', 'MM/dd/yyyy HH:mm:ss'],
  ['m', 'MMMM dd'],
  ['M', 'MMMM dd'],
  ['o', "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"],
  ['O', "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"],
  ['r', "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'"],
  ['R', "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'"],
  ['s', "yyyy'-'MM'-'dd'T'HH':'mm':'ss"],
  ['t', 'HH:mm'],
  ['T', 'HH:mm:ss'],
  ['u', "yyyy'-'MM'-'dd HH':'mm':'ss'Z'"],
  ['y', 'yyyy MMMM'],
  ['Y', 'yyyy MMMM'],
])

const parts: Readonly<Record<string, (date: Date) => string>> = {
  d: date => String(date.getUTCDate()),
  dd: date => two(date.getUTCDate()),
  ddd: date => short(DAYS, date.getUTCDay()),
  dddd: date => DAYS[date.getUTCDay()] ?? '',
  M: date => String(date.getUTCMonth() + 1),
  MM: date => two(date.getUTCMonth() + 1),
  MMM: date => short(MONTHS, date.getUTCMonth()),
  MMMM: date => MONTHS[date.getUTCMonth()] ?? '',
  y: date => String(date.getUTCFullYear() % 100),
  yy: date => two(date.getUTCFullYear() % 100),
  yyyy: date => String(date.getUTCFullYear()).padStart(4, '0'),
  H: date => String(date.getUTCHours()),
  HH: date => two(date.getUTCHours()),
  h: date => String(date.getUTCHours() % 12 || 12),
  hh: date => two(date.getUTCHours() % 12 || 12),
  m: date => String(date.getUTCMinutes()),
  mm: date => two(date.getUTCMinutes()),
  s: date => String(date.getUTCSeconds()),
  ss: date => two(date.getUTCSeconds()),
  t: date => (date.getUTCHours() < 12 ? 'A' : 'P'),
  tt: date => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  z: () => '+0',
  zz: () => '+00',
  zzz: () => '+00:00',
  K: () => 'Z',
}

/** A moment in UTC by a .NET format: `yyyy-MM-dd`, `'day' d`, or one of the standard letters. Throws a `TemplateFault`. */
export const formatDate = (date: Date, format: string): string => {
  const pattern = standard.get(format) ?? (format.startsWith('%') ? format.slice(1) : format)
  if (pattern.length > 200) throw fault.value('utcNow', 'the format is too long.')
  return pattern.replaceAll(
    /'([^']*)'|"([^"]*)"|\\(.)|(f{1,7})|d{1,4}|M{1,4}|y{1,5}|HH?|hh?|mm?|ss?|tt?|z{1,3}|K/g,
    (found, single, double, escaped, fraction) => {
      const literal = single ?? double ?? escaped
      if (literal !== undefined) return literal
      if (fraction !== undefined)
        return `${String(date.getUTCMilliseconds()).padStart(3, '0')}0000`.slice(0, fraction.length)
      const write = parts[found] ?? parts[found.startsWith('y') ? 'yyyy' : '']
      return write ? write(date) : found
    },
  )
}
