import { fault } from '../template-fault.ts'
import { formatDate } from './date-format.ts'
import { type Arguments, type Call, type FunctionTable, of } from './function.ts'

/** Points in time; all are told in UTC. */
export const dates: FunctionTable = {
  utcNow: of(0, 1, (given, { frame }) => {
    if (!frame.isDefault) throw fault.notHere('utcNow')
    return formatDate(frame.surroundings.now(), given.optionalText(0, "yyyyMMdd'T'HHmmss'Z'"))
  }),
  dateTimeAdd: of(2, 3, (given, call) => {
    const moved = moveBy(readDate(given, call), given.text(1), call)
    return formatDate(moved, given.optionalText(2, "yyyy-MM-dd'T'HH:mm:ss'Z'"))
  }),
  dateTimeFromEpoch: of(1, 1, (given, call) =>
    formatDate(checked(new Date(given.integer(0) * 1000), call), "yyyy-MM-dd'T'HH:mm:ss'Z'"),
  ),
  dateTimeToEpoch: of(1, 1, (given, call) => Math.floor(readDate(given, call).getTime() / 1000)),
}

/** ISO 8601 with or without hyphens and colons; what has no zone is UTC. */
const readDate = (given: Arguments, call: Call): Date => {
  const text = given.text(0).trim()
  const compact = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(Z?)$/.exec(text)
  const iso = compact ? text.replace(/^(....)(..)(..)T(..)(..)(..)Z?$/, '$1-$2-$3T$4:$5:$6Z') : text
  const known = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/.test(iso)
  if (!known) throw fault.value(call.name, `'${text.slice(0, 100)}' is no date in the form of ISO 8601.`)
  const zoned = /[T ]/.test(iso) && !/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? `${iso}Z` : iso
  return checked(new Date(zoned.replace(' ', 'T').replaceAll(/\s/g, '')), call)
}

const checked = (date: Date, call: Call): Date => {
  const year = date.getUTCFullYear()
  if (Number.isNaN(date.getTime()) || year < 1 || year > 9999) throw fault.value(call.name, 'the date is out of range.')
  return date
}

const DURATION =
  /^(-)?P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,3}))?S)?)?$/

/** By a duration in the form of ISO 8601: `P1Y`, `-P9D`, `PT1H30M`. */
const moveBy = (date: Date, duration: string, call: Call): Date => {
  const found = DURATION.exec(duration)
  if (!found || duration.endsWith('T') || duration.endsWith('P'))
    throw fault.value(call.name, `'${duration.slice(0, 100)}' is no duration in the form of ISO 8601.`)
  const sign = found[1] ? -1 : 1
  const [years, months, weeks, days, hours, minutes, seconds] = found.slice(2, 9).map(part => sign * Number(part ?? 0))
  const milliseconds = sign * Number((found[9] ?? '0').padEnd(3, '0'))
  const moved = new Date(date)
  addMonths(moved, (years ?? 0) * 12 + (months ?? 0))
  const wholeSeconds =
    ((((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)
  moved.setTime(moved.getTime() + wholeSeconds * 1000 + milliseconds)
  return checked(moved, call)
}

/** A month after 31 January is the last of February. */
const addMonths = (date: Date, count: number): void => {
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + count)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, last))
}
