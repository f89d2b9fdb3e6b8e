import { KqlFault } from '#kql/kql-fault.ts'
import type { Column, Row } from '#kql/kql-type.ts'
import type { OpenQuery } from '#kql/open-query.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { FacetRequest, ResultFormat } from './graph-query.ts'
import { showRows } from './show-rows.ts'

/** How often each value of a column is among all rows that the query came to. What is wrong with a facet is told in its place. */
export const facetOf = async (
  facet: FacetRequest,
  query: OpenQuery,
  rows: readonly Row[],
  format: ResultFormat,
): Promise<JsonObject> => {
  const { expression, options = {} } = facet
  const column = query.columns.find(({ name }) => name === expression || name === expression.replaceAll('.', '_'))
  if (!column) return { expression, resultType: 'FacetError', errors: noColumn(expression) }
  try {
    const { sortBy = 'count', sortOrder = 'desc', filter, $top = 10 } = options
    const key = `['${column.name.replaceAll("'", "\\'")}']`
    const counted = query.continue(
      rows,
      [
        ...(filter === undefined || filter === '' ? [] : [`where ${filter}`]),
        `summarize ['count'] = count() by ${key} = ${column.type === 'dynamic' ? `tostring(${key})` : key}`,
        `order by ${sortBy === 'count' ? "['count']" : sortBy} ${sortOrder}`,
      ].join(' | '),
    )
    const all = await counted.rows()
    return found(expression, counted.columns, all, $top, format)
  } catch (error) {
    if (!(error instanceof KqlFault)) throw error
    return { expression, resultType: 'FacetError', errors: [{ code: error.code, message: error.message }] }
  }
}

const found = (
  expression: string,
  columns: readonly Column[],
  all: readonly Row[],
  top: number,
  format: ResultFormat,
) => {
  const shown = all.slice(0, top)
  return {
    expression,
    resultType: 'FacetResult',
    totalRecords: all.length,
    count: shown.length,
    data: showRows(columns, shown, format),
  }
}

const noColumn = (expression: string): Json => [
  { code: 'NoValidColumns', message: 'No valid columns in facet expression.' },
  { code: 'InvalidColumnNames', message: `Invalid column names: [${expression.slice(0, 200)}].` },
]
