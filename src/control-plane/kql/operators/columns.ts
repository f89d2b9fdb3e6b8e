import { ColumnNames } from '../column-names.ts'
import { asCondition, columnIndex, compileExpression } from '../compile-expression.ts'
import { fault } from '../kql-fault.ts'
import type { Column, Row } from '../kql-type.ts'
import type { Scalar } from '../scalar.ts'
import type { Expression, Named } from '../syntax.ts'
import { eachRow, type Stage, type World } from './stage.ts'

const MAX_COLUMNS = 500

/** The test of a `where`. */
export const compileCondition = (condition: Expression, columns: readonly Column[], world: World) => {
  const holds = asCondition(compileExpression(condition, { ...world, columns }), "The condition of 'where'")
  return (row: Row): boolean => holds(row) === true
}

export const where = (condition: Expression, columns: readonly Column[], world: World): Stage => {
  const holds = compileCondition(condition, columns, world)
  return {
    columns,
    run: rows =>
      eachRow(rows, world, (row, add) => {
        if (holds(row)) add(row)
      }),
  }
}

interface NamedScalar {
  readonly name: string
  readonly scalar: Scalar
}

const columnOf = ({ name, scalar }: NamedScalar): Column => ({ name, type: scalar.type })

export const compileNamed = (named: readonly Named[], columns: readonly Column[], world: World): NamedScalar[] => {
  const names = new ColumnNames()
  const scope = { ...world, columns }
  return named.map(one => ({ name: names.of(one), scalar: compileExpression(one.expression, scope) }))
}

export const project = (named: readonly Named[], columns: readonly Column[], world: World): Stage => {
  const made = compileNamed(named, columns, world)
  const twice = made.find(({ name }, at) => made.findIndex(other => other.name === name) < at)
  if (twice) throw fault.invalid(`A column named '${twice.name.slice(0, 100)}' is there already.`)
  return {
    columns: bounded(made.map(columnOf)),
    run: rows => eachRow(rows, world, (row, add) => add(made.map(({ scalar }) => scalar.evaluate(row)))),
  }
}

/** Each sees the columns that are there before the operator, and replaces the one of its own name. */
export const extend = (named: readonly Named[], columns: readonly Column[], world: World): Stage => {
  const names = new ColumnNames(columns)
  const scope = { ...world, columns }
  const made = named.map(one => ({ name: names.of(one), scalar: compileExpression(one.expression, scope) }))
  const all = [...columns]
  const places = made.map(column => {
    const place = all.findIndex(({ name }) => name === column.name)
    if (place < 0) return all.push(columnOf(column)) - 1
    all[place] = columnOf(column)
    return place
  })
  return {
    columns: bounded(all),
    run: rows =>
      eachRow(rows, world, (row, add) => {
        const extended = [...row]
        for (const [at, { scalar }] of made.entries()) extended[places[at] as number] = scalar.evaluate(row)
        add(extended)
      }),
  }
}

export const bounded = (columns: readonly Column[]): readonly Column[] => {
  if (columns.length > MAX_COLUMNS) throw fault.tooMany('columns', MAX_COLUMNS)
  return columns
}

/** Columns by their places in the input. */
const pick = (places: readonly number[], columns: readonly Column[], world: World): Stage => {
  if (places.length === 0) throw fault.invalid('No columns are left.')
  return {
    columns: places.map(place => columns[place] as Column),
    run: rows => eachRow(rows, world, (row, add) => add(places.map(place => row[place] ?? null))),
  }
}

/** The places of columns that a pattern names: `prop*`, `*`, or one name. */
const placesOf = (pattern: string, columns: readonly Column[]): number[] => {
  if (!pattern.includes('*')) return [columnIndex(pattern, columns)]
  const bare = pattern.replaceAll('*', '')
  const fits = (name: string) =>
    (pattern.startsWith('*') || name.startsWith(bare)) &&
    (pattern.endsWith('*') || name.endsWith(bare)) &&
    name.includes(bare)
  return columns.flatMap(({ name }, place) => (fits(name) ? [place] : []))
}

export const projectPatterns = (
  kind: 'project-away' | 'project-keep' | 'project-reorder',
  patterns: readonly string[],
  columns: readonly Column[],
  world: World,
): Stage => {
  const named = [...new Set(patterns.flatMap(pattern => placesOf(pattern, columns)))]
  const others = columns.map((_, place) => place).filter(place => !named.includes(place))
  if (kind === 'project-reorder') return pick([...named, ...others], columns, world)
  return pick(kind === 'project-away' ? others : named.toSorted((one, other) => one - other), columns, world)
}

export const projectRename = (renames: readonly { to: string; from: string }[], columns: readonly Column[]): Stage => {
  const renamed = [...columns]
  for (const { to, from } of renames) {
    const place = columnIndex(from, columns)
    renamed[place] = { name: to, type: (columns[place] as Column).type }
  }
  if (new Set(renamed.map(column => column.name)).size < renamed.length)
    throw fault.invalid('Two columns would have one name.')
  return { columns: renamed, run: async rows => rows }
}
