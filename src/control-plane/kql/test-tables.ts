import { FakeClock } from '#foundation/clock.ts'
import { showValue } from './convert.ts'
import type { Column, Row, Value } from './kql-type.ts'
import { type KqlTable, openQuery } from './open-query.ts'

/** A table in memory, for tests. */
const tableOf = (columns: readonly Column[], rows: readonly Row[]): KqlTable => ({
  columns,
  async *rows() {
    yield* rows
  },
})

const machine = (name: string, location: string, properties: Value, tags: Value = null): Row => [
  `/m/${name}`,
  name,
  'microsoft.compute/virtualmachines',
  location,
  properties,
  tags,
]

const resources = tableOf(
  [
    { name: 'id', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'type', type: 'string' },
    { name: 'location', type: 'string' },
    { name: 'properties', type: 'dynamic' },
    { name: 'tags', type: 'dynamic' },
  ],
  [
    machine(
      'Web-01',
      'westus',
      { os: 'Linux', cores: 4, on: true, made: '2025-12-31T23:00:00Z', disks: ['a', 'b'] },
      { env: 'prod', 'cost.centre': '7' },
    ),
    machine(
      'web-02',
      'westus',
      { os: 'linux', cores: 2, on: false, made: '2025-12-01T00:00:00Z', disks: [] },
      { env: 'test' },
    ),
    machine(
      'db.main',
      'eastus',
      { os: 'Windows', cores: 16, on: true, disks: ['c'], net: { '@type': 'nic', ip: null } },
      { env: 'prod' },
    ),
    machine('idle', 'northeurope', { cores: '8' }),
  ],
)

const places = tableOf(
  [
    { name: 'location', type: 'string' },
    { name: 'continent', type: 'string' },
  ],
  [
    ['westus', 'America'],
    ['eastus', 'America'],
    ['westus', 'America again'],
  ],
)

const tables = new Map([
  ['resources', resources],
  ['places', places],
])

/** Runs a query over small tables, at midnight of 2026; `lines` are rows as text, to be compared. */
export const ask = async (text: string) => {
  const query = openQuery(text, {
    clock: new FakeClock('2026-01-01T00:00:00Z'),
    defaultTable: 'Resources',
    findTable: name => tables.get(name),
  })
  const rows = await query.rows()
  const shown = rows.map(row => query.columns.map(({ type }, at) => showValue(row[at] ?? null, type)))
  return { columns: query.columns.map(({ name }) => name), rows: shown, query }
}
