import type { Column, Row } from '../kql-type.ts'
import type { QueryContext } from '../scalar.ts'
import type { Query } from '../syntax.ts'

/** Columns, and how to come by the rows. */
export interface Relation {
  readonly columns: readonly Column[]
  rows(): Promise<readonly Row[]>
}

/** What operators need beside their input. */
export interface World extends QueryContext {
  /** Compiles a query within the query: what a join or a union takes. */
  open(query: Query): Relation
}

/** What an operator makes of its input. */
export interface Stage {
  readonly columns: readonly Column[]
  run(rows: readonly Row[]): Promise<readonly Row[]>
}

const TURN_ROWS = 128

/** Makes none, one or several rows of each, letting others have their turn now and then. */
export const eachRow = async (
  rows: readonly Row[],
  { budget }: QueryContext,
  make: (row: Row, add: (made: Row) => void) => void,
): Promise<Row[]> => {
  const made: Row[] = []
  const add = (row: Row) => {
    made.push(row)
  }
  for (const [at, row] of rows.entries()) {
    if (at % TURN_ROWS === 0) await budget.turn()
    budget.spend(row.length)
    make(row, add)
    budget.rows(made.length)
  }
  return made
}
