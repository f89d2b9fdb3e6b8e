import type { GraphRow } from '#arm/resource-type.ts'
import type { Column, Row, Value } from '#kql/kql-type.ts'

/** The columns that every table of Resource Graph has, in Azure's order. */
export const graphColumns: readonly Column[] = [
  { name: 'id', type: 'string' },
  { name: 'name', type: 'string' },
  { name: 'type', type: 'string' },
  { name: 'tenantId', type: 'string' },
  { name: 'kind', type: 'string' },
  { name: 'location', type: 'string' },
  { name: 'resourceGroup', type: 'string' },
  { name: 'subscriptionId', type: 'string' },
  { name: 'managedBy', type: 'string' },
  { name: 'sku', type: 'dynamic' },
  { name: 'plan', type: 'dynamic' },
  { name: 'properties', type: 'dynamic' },
  { name: 'tags', type: 'dynamic' },
  { name: 'identity', type: 'dynamic' },
  { name: 'zones', type: 'dynamic' },
  { name: 'extendedLocation', type: 'dynamic' },
]

/** A provider's row in those columns: absent texts are empty, what else is absent is null. */
export const toRow = (row: GraphRow): Row => {
  const { envelope = {} } = row
  const values: Readonly<Record<string, unknown>> = {
    ...envelope,
    ...row,
    type: row.type.toLowerCase(),
    resourceGroup: row.resourceGroup?.toLowerCase(),
    location: row.location?.toLowerCase(),
  }
  return graphColumns.map(({ name, type }) => (values[name] ?? (type === 'string' ? '' : null)) as Value)
}
