import { showValue } from '#kql/convert.ts'
import type { Column, KqlType, Row } from '#kql/kql-type.ts'
import type { Json } from '#resources/resource-document.ts'
import type { ResultFormat } from './graph-query.ts'

/** What Azure calls the types of columns. */
const typeNames: Readonly<Record<KqlType, string>> = {
  string: 'string',
  long: 'integer',
  real: 'number',
  bool: 'boolean',
  dynamic: 'object',
  datetime: 'string',
  timespan: 'string',
}

/** Rows as the API gives them: objects, or the columns and then the values. */
export const showRows = (columns: readonly Column[], rows: readonly Row[], format: ResultFormat): Json => {
  const shown = rows.map(row => columns.map(({ type }, at) => showValue(row[at] ?? null, type) as Json))
  if (format === 'objectArray')
    return shown.map(values => Object.fromEntries(columns.map(({ name }, at) => [name, values[at]])))
  return { columns: columns.map(({ name, type }) => ({ name, type: typeNames[type] })), rows: shown }
}
