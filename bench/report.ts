import { type Measure, type Row, ratioOf } from './measure.ts'

const rounded = (value: number) => Number(value.toPrecision(4))

/** Whether a promise was broken. A ratio that is no number was not kept either. */
export const isMissed = (row: Row): boolean => 'ours' in row && row.must !== undefined && !(ratioOf(row) <= row.must)

const verdictOf = (row: Row): string => {
  if (!('ours' in row)) return '-'
  if (isMissed(row)) return 'MISSED'
  if (row.aim !== undefined && ratioOf(row) <= row.aim) return 'aim'
  return row.must === undefined ? '-' : 'kept'
}

const goalsOf = ({ must, aim }: Measure): string =>
  [must !== undefined && `at most ${rounded(must)}`, aim !== undefined && `aim ${rounded(aim)}`]
    .filter(part => part !== false)
    .join(', ')

/** A row as people read it. */
export const lineOf = (row: Row): string => {
  const verdict = verdictOf(row).padEnd(6)
  if (!('ours' in row)) return `${verdict}  ${row.metric}: ${row.why}`
  const { metric, unit, ours, beside, name } = row
  const parts = [`${ratioOf(row)} times ${name} (${rounded(beside)} ${unit})`, goalsOf(row)].filter(part => part !== '')
  return `${verdict}  ${metric}: ${rounded(ours)} ${unit}, ${parts.join(', ')}`
}

/** A row as a member of the JSON object. */
export const memberOf = (row: Row): [string, object] => {
  if (!('ours' in row)) return [row.metric, { why: row.why }]
  const { metric, unit, ours, beside, name, must, aim } = row
  return [metric, { ours: rounded(ours), beside: rounded(beside), name, ratio: ratioOf(row), must, aim, unit }]
}
