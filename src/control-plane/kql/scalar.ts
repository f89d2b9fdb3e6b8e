import type { Budget } from './budget.ts'
import type { Column, KqlType, Row, Value } from './kql-type.ts'

/** An expression that is ready to be worked out, row by row. */
export interface Scalar {
  readonly type: KqlType
  /** Its value, when that is the same for every row. */
  readonly constant?: Value
  evaluate(row: Row): Value
}

/** What one run of a query knows. */
export interface QueryContext {
  readonly budget: Budget
  /** The time that `now()` is, all through the query. */
  readonly nowMs: number
}

/** What an expression may name. */
export interface Scope extends QueryContext {
  readonly columns: readonly Column[]
}

export const constantScalar = (type: KqlType, constant: Value): Scalar => ({ type, constant, evaluate: () => constant })
