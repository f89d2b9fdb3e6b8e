import type { Clock } from '#foundation/clock.ts'
import { Budget } from './budget.ts'
import { fault } from './kql-fault.ts'
import type { Column, Row } from './kql-type.ts'
import { compileCondition, extend, project, projectPatterns, projectRename, where } from './operators/columns.ts'
import { join, union } from './operators/combine.ts'
import { mvExpand, parse } from './operators/expand.ts'
import { count, order, take, top } from './operators/order.ts'
import type { Relation, Stage, World } from './operators/stage.ts'
import { distinct, summarize } from './operators/summarize.ts'
import { parseQuery } from './parse-query.ts'
import type { Operator, Query } from './syntax.ts'

/** A table that may be asked: its rows are read as often as the query names it. */
export interface KqlTable {
  readonly columns: readonly Column[]
  rows(): AsyncIterable<Row>
}

export interface OpenQuery extends Relation {
  readonly budget: Budget
  /** The rows are cut by the query itself (`take`), and not by whoever reads them. */
  readonly isLimited: boolean
  /** Goes on with the rows that the query came to, as another query would: `summarize count() by location`. */
  continue(rows: readonly Row[], operators: string): Relation
}

/**
 * Reads a query and finds what it names. Nothing is read of the tables before `rows` is asked for. All of it throws `KqlFault`s.
 * `findTable` knows tables by lower-case names.
 */
export const openQuery = (
  text: string,
  parts: { clock: Clock; defaultTable: string; findTable: (name: string) => KqlTable | undefined },
): OpenQuery => {
  const budget = new Budget(parts.clock)
  const world: World = {
    budget,
    nowMs: parts.clock.now().getTime(),
    open: query => openPipeline(query, source(query, parts), world),
  }
  const query = parseQuery(text)
  const relation = world.open(query)
  return {
    ...relation,
    budget,
    isLimited: query.operators.some(operator => operator.kind === 'take' || operator.kind === 'top'),
    continue: (rows, operators) =>
      openPipeline(parseQuery(operators), { columns: relation.columns, rows: inTurn(rows) }, world),
  }
}

const inTurn = (rows: readonly Row[]) =>
  async function* () {
    yield* rows
  }

const source = (
  { table, operators }: Query,
  parts: { defaultTable: string; findTable: (name: string) => KqlTable | undefined },
): KqlTable | undefined => {
  // `union A, B` at the beginning has no input of its own.
  if (!table && operators[0]?.kind === 'union') return undefined
  const name = table?.name ?? parts.defaultTable
  const found = parts.findTable(name.toLowerCase())
  if (!found) throw fault.unknownTable(name)
  return found
}

const openPipeline = (query: Query, table: KqlTable | undefined, world: World): Relation => {
  const operators = [...query.operators]
  let relation: Relation = table ? readTable(table, operators, world) : { columns: [], rows: async () => [] }
  for (const [at, operator] of operators.entries()) {
    const name = query.table?.name ?? 'Resources'
    relation =
      operator.kind === 'union'
        ? union(operator, table || at > 0 ? relation : undefined, name, world)
        : behind(relation, stageOf(operator, relation.columns, world))
  }
  return relation
}

/** Reads the rows of a table that the first `where`s let through: those are taken off the operators. */
const readTable = (table: KqlTable, operators: Operator[], world: World): Relation => {
  const conditions: ((row: Row) => boolean)[] = []
  for (let first = operators[0]; first?.kind === 'where'; first = operators[0]) {
    conditions.push(compileCondition(first.condition, table.columns, world))
    operators.shift()
  }
  return {
    columns: table.columns,
    async rows() {
      const kept: Row[] = []
      for await (const row of table.rows()) {
        world.budget.spend(row.length * 10)
        if (conditions.every(holds => holds(row))) kept.push(row)
        world.budget.rows(kept.length)
        await world.budget.turn()
      }
      return kept
    },
  }
}

const behind = (input: Relation, stage: Stage): Relation => ({
  columns: stage.columns,
  rows: async () => stage.run(await input.rows()),
})

const stageOf = (operator: Exclude<Operator, { kind: 'union' }>, columns: readonly Column[], world: World): Stage => {
  switch (operator.kind) {
    case 'where':
      return where(operator.condition, columns, world)
    case 'project':
      return project(operator.columns, columns, world)
    case 'extend':
      return extend(operator.columns, columns, world)
    case 'project-away':
    case 'project-keep':
    case 'project-reorder':
      return projectPatterns(operator.kind, operator.patterns, columns, world)
    case 'project-rename':
      return projectRename(operator.renames, columns)
    case 'summarize':
      return summarize(operator.aggregates, operator.by, columns, world)
    case 'distinct':
      return distinct(operator.columns, columns, world)
    case 'count':
      return count()
    case 'take':
      return take(operator.count, columns)
    case 'order':
      return order(operator.keys, columns, world)
    case 'top':
      return top(operator.count, operator.keys, columns, world)
    case 'join':
      return join(operator, columns, world)
    case 'mv-expand':
      return mvExpand(operator, columns, world)
    case 'parse':
      return parse(operator, columns, world)
  }
}
