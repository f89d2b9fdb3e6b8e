import { type Aggregate, type Gathering, isAggregate, keyOf, makeAggregate } from '../aggregates.ts'
import { ColumnNames } from '../column-names.ts'
import { orderOf } from '../compare.ts'
import { compileExpression } from '../compile-expression.ts'
import { fault } from '../kql-fault.ts'
import type { Column, Row, Value } from '../kql-type.ts'
import type { Scalar } from '../scalar.ts'
import type { Expression, Named } from '../syntax.ts'
import { bounded, compileNamed } from './columns.ts'
import { eachRow, type Stage, type World } from './stage.ts'

/** What `summarize` and `distinct` group by. */
export const groupKeys = (by: readonly Named[], columns: readonly Column[], world: World) => {
  const keys = compileNamed(by, columns, world)
  for (const { name, scalar } of keys)
    if (scalar.type === 'dynamic') throw fault.dynamicKey('Summarize group key', name)
  return keys
}

/** Columns that a group comes to: most make one; `arg_max(x, *)` and `take_any(*)` make many. */
interface Gatherer {
  readonly columns: readonly Column[]
  begin(): { add(row: Row): void; result(): readonly Value[] }
}

export const summarize = (
  aggregates: readonly Named[],
  by: readonly Named[],
  columns: readonly Column[],
  world: World,
): Stage => {
  const keys = groupKeys(by, columns, world)
  const keyColumns = keys.map(({ name, scalar }) => ({ name, type: scalar.type }))
  const names = new ColumnNames(keyColumns)
  const gatherers = aggregates.map(named => gathererOf(named, names, { columns, keyColumns, world }))
  const made = bounded([...keyColumns, ...gatherers.flatMap(gatherer => gatherer.columns)])
  return {
    columns: made,
    run: rows =>
      gather(
        rows,
        keys.map(({ scalar }) => scalar),
        gatherers,
        world,
      ),
  }
}

const gather = async (
  rows: readonly Row[],
  keys: readonly Scalar[],
  gatherers: readonly Gatherer[],
  world: World,
): Promise<Row[]> => {
  const groups = new Map<string, { key: Row; gatherings: ReturnType<Gatherer['begin']>[] }>()
  const begin = (key: Row) => ({ key, gatherings: gatherers.map(gatherer => gatherer.begin()) })
  if (keys.length === 0) groups.set(keyOf([]), begin([]))
  await eachRow(rows, world, row => {
    const key = keys.map(scalar => scalar.evaluate(row))
    const name = keyOf(key)
    world.budget.spend(name.length)
    const group = groups.get(name) ?? begin(key)
    groups.set(name, group)
    world.budget.rows(groups.size)
    for (const gathering of group.gatherings) gathering.add(row)
  })
  return [...groups.values()].map(({ key, gatherings }) => [...key, ...gatherings.flatMap(one => one.result())])
}

interface Surroundings {
  readonly columns: readonly Column[]
  readonly keyColumns: readonly Column[]
  readonly world: World
}

const gathererOf = (named: Named, names: ColumnNames, surroundings: Surroundings): Gatherer => {
  const { expression } = named
  if (expression.kind === 'call') {
    const { name, parts } = expression
    if (name === 'arg_max' || name === 'arg_min') return argExtreme(named, name, parts, names, surroundings)
    if (['any', 'take_any'].includes(name) && (parts.length > 1 || parts[0]?.kind === 'star'))
      return anyRow(parts, names, surroundings)
  }
  return oneValue(named, names, surroundings)
}

/** An expression over aggregates: `round(avg(x), 1)`, `sum(a) / count()`. */
const oneValue = (named: Named, names: ColumnNames, { columns, world }: Surroundings): Gatherer => {
  const found: Aggregate[] = []
  const outer = withoutAggregates(named.expression, (name, parts) => {
    const scope = { ...world, columns }
    const scalars = parts.filter(part => part.kind !== 'star').map(part => compileExpression(part, scope))
    return `aggregate ${found.push(makeAggregate(name, scalars, world)) - 1}`
  })
  if (found.length === 0) throw fault.invalid("Each column of 'summarize' must be made by an aggregate function.")
  const gathered = found.map(({ type }, at) => ({ name: `aggregate ${at}`, type }))
  const scalar = compileExpression(outer, { ...world, columns: gathered })
  return {
    columns: [{ name: names.of(named), type: scalar.type }],
    begin() {
      const gatherings: Gathering[] = found.map(aggregate => aggregate.begin())
      return {
        add: row => {
          for (const gathering of gatherings) gathering.add(row)
        },
        result: () => [scalar.evaluate(gatherings.map(gathering => gathering.result()))],
      }
    },
  }
}

/** The expression with each aggregate in it replaced by a column that holds its value. */
const withoutAggregates = (
  expression: Expression,
  replace: (name: string, parts: readonly Expression[]) => string,
): Expression => {
  const inner = (part: Expression) => withoutAggregates(part, replace)
  switch (expression.kind) {
    case 'call':
      return isAggregate(expression.name)
        ? { kind: 'name', name: replace(expression.name, expression.parts), at: expression.at }
        : { ...expression, parts: expression.parts.map(inner) }
    case 'all':
    case 'any':
      return { ...expression, parts: expression.parts.map(inner) }
    case 'among':
      return { ...expression, of: inner(expression.of), parts: expression.parts.map(inner) }
    case 'binary':
      return { ...expression, left: inner(expression.left), right: inner(expression.right) }
    case 'index':
      return { ...expression, of: inner(expression.of), index: inner(expression.index) }
    case 'member':
    case 'minus':
      return { ...expression, of: inner(expression.of) }
    default:
      return expression
  }
}

/** The columns that `*` and named expressions stand for, without those that are there already. */
const returned = (
  parts: readonly Expression[],
  names: ColumnNames,
  { columns, keyColumns, world }: Surroundings,
  taken: readonly string[],
) => {
  const named: Named[] = parts.flatMap(part =>
    part.kind === 'star'
      ? columns
          .filter(({ name }) => !taken.includes(name) && !keyColumns.some(key => key.name === name))
          .map(({ name }): Named => ({ expression: { kind: 'name', name, at: part.at } }))
      : [{ expression: part }],
  )
  const scope = { ...world, columns }
  return named.map(one => ({ name: names.of(one), scalar: compileExpression(one.expression, scope) }))
}

/** `arg_max(x, a, b)`: of the row where x is greatest: x, a and b. */
const argExtreme = (
  named: Named,
  name: string,
  [of, ...rest]: readonly Expression[],
  names: ColumnNames,
  surroundings: Surroundings,
): Gatherer => {
  if (!of) throw fault.count(name, 1, Number.POSITIVE_INFINITY, 0)
  const measure = compileExpression(of, { ...surroundings.world, columns: surroundings.columns })
  if (measure.type === 'dynamic') throw fault.dynamicKey(`What '${name}' measures`, 'value')
  const measured = names.of(named.name === undefined ? { expression: of } : named)
  const others = returned(rest, names, surroundings, of.kind === 'name' ? [of.name] : [])
  const sign = name === 'arg_max' ? 1 : -1
  return {
    columns: [
      { name: measured, type: measure.type },
      ...others.map(other => ({ name: other.name, type: other.scalar.type })),
    ],
    begin() {
      let best: { value: Value; row: Row } | undefined
      return {
        add(row) {
          const value = measure.evaluate(row)
          if (!best || (value !== null && (best.value === null || orderOf(value, best.value) * sign > 0)))
            best = { value, row }
        },
        result: () => [best?.value ?? null, ...others.map(other => (best ? other.scalar.evaluate(best.row) : null))],
      }
    },
  }
}

const anyRow = (parts: readonly Expression[], names: ColumnNames, surroundings: Surroundings): Gatherer => {
  const shown = returned(parts, names, surroundings, [])
  return {
    columns: shown.map(({ name, scalar }) => ({ name, type: scalar.type })),
    begin() {
      let first: Row | undefined
      return {
        add(row) {
          first ??= row
        },
        result: () => shown.map(({ scalar }) => (first ? scalar.evaluate(first) : null)),
      }
    },
  }
}

/** Each combination of the columns once. */
export const distinct = (named: readonly Named[] | '*', columns: readonly Column[], world: World): Stage => {
  const all = (): Named[] => columns.map(({ name }) => ({ expression: { kind: 'name', name, at: 0 } }))
  return summarize([], named === '*' ? all() : named, columns, world)
}
