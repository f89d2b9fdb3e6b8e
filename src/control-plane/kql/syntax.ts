import type { KqlType, Value } from './kql-type.ts'

/** A scalar expression as it stands in the text; `at` is where. */
export type Expression = { readonly at: number } & (
  | { readonly kind: 'literal'; readonly type: KqlType; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  /** `a.b`, `a['b']` */
  | { readonly kind: 'member'; readonly of: Expression; readonly name: string }
  /** `a[0]`, `a[tolower(b)]` */
  | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly parts: readonly Expression[] }
  | { readonly kind: 'minus'; readonly of: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Expression[] }
  /** `in`, `!in~`, `has_any`, `between`: one against several. */
  | {
      readonly kind: 'among'
      readonly operator: string
      readonly of: Expression
      readonly parts: readonly Expression[]
    }
  | { readonly kind: 'star' }
)

/** `name = expression`, or the expression alone. */
export interface Named {
  readonly name?: string
  readonly expression: Expression
}

export interface SortKey {
  readonly expression: Expression
  readonly isDescending: boolean
  /** Default: nulls are the least of all. */
  readonly nulls?: 'first' | 'last'
}

export interface Expansion {
  readonly name?: string
  readonly expression: Expression
  readonly type?: KqlType
}

/** A piece of a `parse` pattern: text to find, or a column to fill with what lies between. */
export type ParsePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'skip' }
  | { readonly kind: 'column'; readonly name: string; readonly type: KqlType }

export type JoinKind = 'inner' | 'innerunique' | 'leftouter'

/** What stands between two bars. */
export type Operator = { readonly at: number } & (
  | { readonly kind: 'where'; readonly condition: Expression }
  | { readonly kind: 'project' | 'extend'; readonly columns: readonly Named[] }
  | { readonly kind: 'project-away' | 'project-keep' | 'project-reorder'; readonly patterns: readonly string[] }
  | { readonly kind: 'project-rename'; readonly renames: readonly { readonly to: string; readonly from: string }[] }
  | { readonly kind: 'summarize'; readonly aggregates: readonly Named[]; readonly by: readonly Named[] }
  | { readonly kind: 'distinct'; readonly columns: readonly Named[] | '*' }
  | { readonly kind: 'count' }
  | { readonly kind: 'take'; readonly count: number }
  | { readonly kind: 'order'; readonly keys: readonly SortKey[] }
  | { readonly kind: 'top'; readonly count: number; readonly keys: readonly SortKey[] }
  | {
      readonly kind: 'union'
      readonly sources: readonly Query[]
      readonly isInner: boolean
      readonly sourceColumn?: string
    }
  | {
      readonly kind: 'join'
      readonly join: JoinKind
      readonly right: Query
      readonly on: readonly { readonly left: string; readonly right: string }[]
    }
  | {
      readonly kind: 'mv-expand'
      readonly expansions: readonly Expansion[]
      readonly limit: number
      readonly indexColumn?: string
    }
  | {
      readonly kind: 'parse'
      readonly of: Expression
      readonly parts: readonly ParsePart[]
      readonly keepsOnlyMatches: boolean
    }
)

/** A table and what is done with its rows, one operator after the other. */
export interface Query {
  /** Without one it is the table of all resources. */
  readonly table?: { readonly name: string; readonly at: number }
  readonly operators: readonly Operator[]
}
