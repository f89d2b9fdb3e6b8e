import { armError } from '#arm/arm-error.ts'
import type { Arm, ArmRequest, GraphTable, GraphView } from '#arm/resource-type.ts'
import { KqlFault } from '#kql/kql-fault.ts'
import type { Row } from '#kql/kql-type.ts'
import { type KqlTable, type OpenQuery, openQuery } from '#kql/open-query.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { facetOf } from './facets.ts'
import { graphColumns, toRow } from './graph-columns.ts'
import { graphError } from './graph-errors.ts'
import { formatOf, type GraphQuery, pageSizeOf } from './graph-query.ts'
import { showRows } from './show-rows.ts'
import { makeSkipToken, readSkipToken } from './skip-token.ts'

const MAX_RESPONSE_BYTES = 16 * 1024 * 1024

/** A query from its text to the page of rows that was asked for. Throws the refusals. */
export const answerQuery = async (
  body: GraphQuery,
  request: ArmRequest,
  tables: readonly GraphTable[],
  arm: Arm,
): Promise<JsonObject> => {
  refuseScopes(body)
  const skip = skipOf(body)
  const view = { request, subscriptionIds: await subscriptionsOf(body, request, arm) }
  try {
    const query = openQuery(body.query, { ...namesOf(tables, view, arm), clock: arm.clock })
    const rows = await query.rows()
    const format = formatOf(body, request.apiVersion)
    const facets: JsonObject[] = []
    for (const facet of body.facets ?? []) facets.push(await facetOf(facet, query, rows, format))
    return { ...pageOf(body, request, query, rows, skip), facets }
  } catch (error) {
    throw error instanceof KqlFault ? graphError.invalidQuery(error) : error
  }
}

const refuseScopes = ({ managementGroups, options }: GraphQuery): void => {
  if (managementGroups?.length) throw armError.notServed('A query of management groups')
  const filter = options?.authorizationScopeFilter ?? 'AtScopeAndBelow'
  if (filter !== 'AtScopeAndBelow') throw armError.notServed(`The authorizationScopeFilter '${filter}'`)
}

const skipOf = ({ query, options }: GraphQuery): number => {
  const { $skipToken, $skip = 0 } = options ?? {}
  if ($skipToken === undefined) return $skip
  const skip = readSkipToken($skipToken, query)
  if (skip === undefined) throw graphError.invalidSkipToken()
  return skip
}

/** Those of the caller's tenant that were named, or all of it. What may be read in them is each table's matter. */
const subscriptionsOf = async (
  { subscriptions: named }: GraphQuery,
  { caller }: ArmRequest,
  arm: Arm,
): Promise<readonly string[]> => {
  const documents = await listAll(arm.resources, { type: 'Microsoft.Resources/subscriptions' })
  const own = documents
    .filter(({ properties }) => properties.tenantId === caller.tenantId)
    .map(({ name }) => name.toLowerCase())
  if (!named?.length) return own
  const asked = new Set(named.map(id => id.toLowerCase()))
  const found = own.filter(id => asked.has(id))
  if (found.length === 0) throw graphError.noAccess(named)
  return found
}

/** Several providers may give rows to one table; there is no table that nobody gives rows to. */
const namesOf = (tables: readonly GraphTable[], view: GraphView, arm: Arm) => ({
  defaultTable: 'Resources',
  findTable(name: string): KqlTable | undefined {
    const parts = tables.filter(table => table.name.toLowerCase() === name)
    if (parts.length === 0) return undefined
    return {
      columns: graphColumns,
      async *rows() {
        for (const table of parts) for await (const row of table.rows(view, arm)) yield toRow(row)
      },
    }
  },
})

const pageOf = (
  body: GraphQuery,
  { apiVersion }: ArmRequest,
  query: OpenQuery,
  all: readonly Row[],
  skip: number,
): JsonObject => {
  // As in Azure: rows that the query itself limits are not skipped, and there is no page behind them.
  const from = query.isLimited ? 0 : skip
  const rows = all.slice(from, from + pageSizeOf(body, apiVersion))
  requireBearable(rows, query)
  const isCut = from + rows.length < all.length
  const hasNext = isCut && !query.isLimited && query.columns.some(({ name }) => name === 'id')
  return {
    totalRecords: all.length,
    count: rows.length,
    data: showRows(query.columns, rows, formatOf(body, apiVersion)),
    ...(hasNext ? { $skipToken: makeSkipToken(from + rows.length, body.query) } : {}),
    resultTruncated: String(isCut && !hasNext),
  }
}

/** A value that many rows share takes memory once, but is written for each. */
const requireBearable = (rows: readonly Row[], { budget }: OpenQuery): void => {
  let size = 0
  for (const row of rows) for (const value of row) size += budget.sizeOf(value)
  if (size > MAX_RESPONSE_BYTES) throw graphError.payloadTooLarge(size, MAX_RESPONSE_BYTES)
}
