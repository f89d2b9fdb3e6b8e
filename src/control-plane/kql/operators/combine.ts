import { keyOf } from '../aggregates.ts'
import { ColumnNames } from '../column-names.ts'
import { columnIndex } from '../compile-expression.ts'
import { convert } from '../convert.ts'
import { fault } from '../kql-fault.ts'
import { type Column, emptyOf, isNumeric, type KqlType, type Row } from '../kql-type.ts'
import type { JoinKind, Operator, Query } from '../syntax.ts'
import { bounded } from './columns.ts'
import { eachRow, type Relation, type Stage, type World } from './stage.ts'

type Join = Extract<Operator, { kind: 'join' }>
type Union = Extract<Operator, { kind: 'union' }>

/** Where the keys of one side of a join are. */
interface Side {
  readonly places: readonly number[]
  readonly columns: readonly Column[]
}

export const join = ({ join: kind, right: query, on }: Join, columns: readonly Column[], world: World): Stage => {
  const right = world.open(query)
  const left: Side = { columns, places: on.map(key => columnIndex(key.left, columns)) }
  const other: Side = { columns: right.columns, places: on.map(key => columnIndex(key.right, right.columns)) }
  requireKeys(left, other)
  const names = new ColumnNames(columns)
  const added = right.columns.map(({ name, type }) => ({ name: names.free(name), type }))
  return {
    columns: bounded([...columns, ...added]),
    run: async rows => joinRows(kind, rows, left, await right.rows(), other, world),
  }
}

const requireKeys = (left: Side, right: Side): void => {
  for (const [at, place] of left.places.entries()) {
    const one = left.columns[place] as Column
    const other = right.columns[right.places[at] as number] as Column
    if (one.type === 'dynamic' || other.type === 'dynamic')
      throw fault.dynamicKey('Join key', one.type === 'dynamic' ? one.name : other.name)
    if (one.type !== other.type && !(isNumeric(one.type) && isNumeric(other.type)))
      throw fault.compare(one.type, other.type)
  }
}

const joinRows = async (
  kind: JoinKind,
  leftRows: readonly Row[],
  left: Side,
  rightRows: readonly Row[],
  right: Side,
  world: World,
): Promise<readonly Row[]> => {
  const index = new Map<string, Row[]>()
  await eachRow(rightRows, world, row => {
    const key = keyAt(row, right.places, world)
    if (key === undefined) return
    const known = index.get(key)
    if (known) known.push(row)
    else index.set(key, [row])
  })
  const nothing = right.columns.map(column => emptyOf(column.type))
  const seen = new Set<string>()
  return eachRow(leftRows, world, (row, add) => {
    const key = keyAt(row, left.places, world)
    if (kind === 'innerunique' && key !== undefined) {
      if (seen.has(key)) return
      seen.add(key)
    }
    const found = (key === undefined ? undefined : index.get(key)) ?? []
    world.budget.spend(found.length * (row.length + nothing.length))
    for (const match of found) add([...row, ...match])
    if (found.length === 0 && kind === 'leftouter') add([...row, ...nothing])
  })
}

/** Null equals nothing, itself neither. */
const keyAt = (row: Row, places: readonly number[], { budget }: World): string | undefined => {
  const values = places.map(place => row[place] ?? null)
  if (values.includes(null)) return undefined
  const key = keyOf(values)
  budget.spend(key.length)
  return key
}

/** All rows of all; a column that one of them lacks is empty there. */
export const union = (
  { sources, isInner, sourceColumn }: Union,
  input: Relation | undefined,
  inputName: string,
  world: World,
) => {
  const opened = sources.map((source, at) => ({ relation: world.open(source), name: nameOf(source, at) }))
  const all = input ? [{ relation: input, name: inputName }, ...opened] : opened
  const columns = unionColumns(
    all.map(({ relation }) => relation.columns),
    isInner,
  )
  const shown = sourceColumn === undefined ? columns : [{ name: sourceColumn, type: 'string' as const }, ...columns]
  return {
    columns: bounded(shown),
    async rows(): Promise<readonly Row[]> {
      const made: Row[] = []
      for (const { relation, name } of all) {
        const places = columns.map(column => relation.columns.findIndex(own => own.name === column.name))
        const readers = columns.map((column, at) => readerOf(places[at] as number, column.type, relation.columns))
        const front = sourceColumn === undefined ? [] : [name]
        await eachRow(await relation.rows(), world, row => {
          made.push([...front, ...readers.map(read => read(row))])
          world.budget.rows(made.length)
        })
      }
      return made
    },
  }
}

const nameOf = ({ table, operators }: Query, at: number): string =>
  table && operators.length === 0 ? table.name : `union_arg${at}`

const readerOf = (place: number, type: KqlType, columns: readonly Column[]) => (row: Row) =>
  place < 0 ? emptyOf(type) : convert(row[place] ?? null, (columns[place] as Column).type, type)

/** Columns of one name and several types become dynamic. */
const unionColumns = (all: readonly (readonly Column[])[], isInner: boolean): Column[] => {
  const types = new Map<string, KqlType>()
  for (const { name, type } of all.flat())
    types.set(name, types.has(name) && types.get(name) !== type ? 'dynamic' : type)
  const inAll = (name: string) => all.every(columns => columns.some(column => column.name === name))
  return [...types].filter(([name]) => !isInner || inAll(name)).map(([name, type]) => ({ name, type }))
}
