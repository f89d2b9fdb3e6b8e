import { orderOf } from './compare.ts'
import { convert, toDynamic } from './convert.ts'
import { fault } from './kql-fault.ts'
import { isBag, isNumeric, type KqlType, type Row, type Value } from './kql-type.ts'
import type { QueryContext, Scalar } from './scalar.ts'

/** Gathers the rows of one group into a value. */
export interface Gathering {
  add(row: Row): void
  result(): Value
}

/** An aggregate function with its arguments: starts anew for each group. */
export interface Aggregate {
  readonly type: KqlType
  begin(): Gathering
}

type Make = (parts: readonly Scalar[], context: QueryContext) => Aggregate

/** Folds values one by one; `undefined` is where nothing was there yet. */
const fold = <T>(
  type: KqlType,
  start: T,
  add: (so_far: T, row: Row) => T,
  result: (gathered: T) => Value,
): Aggregate => ({
  type,
  begin() {
    let gathered = start
    return {
      add(row) {
        gathered = add(gathered, row)
      },
      result: () => result(gathered),
    }
  },
})

const count: Make = () =>
  fold(
    'long',
    0,
    so_far => so_far + 1,
    total => total,
  )

const countIf: Make = ([condition]) =>
  fold(
    'long',
    0,
    (so_far, row) => so_far + Number(condition?.evaluate(row) === true),
    total => total,
  )

const numberAt = (part: Scalar | undefined, name: string): ((row: Row) => number | null) => {
  const type = part?.type ?? 'dynamic'
  if (!isNumeric(type) && type !== 'dynamic' && type !== 'timespan') throw fault.argument(name, 1, 'number', type)
  return row => {
    const value = convert(part?.evaluate(row) ?? null, type, type === 'timespan' ? type : 'real')
    return typeof value === 'number' ? value : null
  }
}

const sumType = (part: Scalar | undefined): KqlType =>
  part?.type === 'long' || part?.type === 'timespan' ? part.type : 'real'

const sum: Make = ([part]) => {
  const read = numberAt(part, 'sum')
  return fold(
    sumType(part),
    0,
    (so_far, row) => so_far + (read(row) ?? 0),
    total => total,
  )
}

const avg: Make = ([part]) => {
  const read = numberAt(part, 'avg')
  const add = (so_far: { total: number; count: number }, row: Row) => {
    const value = read(row)
    return value === null ? so_far : { total: so_far.total + value, count: so_far.count + 1 }
  }
  const type = part?.type === 'timespan' ? 'timespan' : 'real'
  return fold(type, { total: 0, count: 0 }, add, ({ total, count }) => (count === 0 ? null : total / count))
}

const extreme =
  (sign: number): Make =>
  ([part]) => {
    const type = part?.type ?? 'dynamic'
    const better = (value: Value, best: Value) => best === null || orderOf(value, best) * sign > 0
    const add = (so_far: Value, row: Row) => {
      const value = part?.evaluate(row) ?? null
      return value !== null && typeof value !== 'object' && better(value, so_far) ? value : so_far
    }
    return fold(type, null as Value, add, best => best)
  }

const dcount: Make = ([part], { budget }) => ({
  type: 'long',
  begin() {
    const seen = new Set<string>()
    return {
      add(row) {
        const key = keyOf(part?.evaluate(row) ?? null)
        budget.spend(key.length)
        if (key !== 'null') seen.add(key)
      },
      result: () => seen.size,
    }
  },
})

/** Equal values have equal keys. */
export const keyOf = (value: Value): string => JSON.stringify(value)

const MAX_ITEMS = 1_048_576

const list =
  (isSet: boolean): Make =>
  ([part, most], { budget }) => ({
    type: 'dynamic',
    begin() {
      const items = new Map<string | number, Value>()
      const limit = typeof most?.constant === 'number' ? most.constant : MAX_ITEMS
      return {
        add(row) {
          const value = part ? toDynamic(part.evaluate(row), part.type) : null
          if (value === null || items.size >= limit) return
          budget.spend(budget.sizeOf(value))
          items.set(isSet ? keyOf(value) : items.size, value)
        },
        result: () => budget.made([...items.values()]),
      }
    },
  })

const bag: Make = ([part], { budget }) => ({
  type: 'dynamic',
  begin() {
    const members = new Map<string, Value>()
    return {
      add(row) {
        const value = part?.evaluate(row) ?? null
        if (!isBag(value)) return
        budget.spend(budget.sizeOf(value))
        for (const [name, member] of Object.entries(value)) if (!members.has(name)) members.set(name, member ?? null)
      },
      result: () => budget.made(Object.fromEntries(members)),
    }
  },
})

const any: Make = ([part]) =>
  fold(
    part?.type ?? 'dynamic',
    undefined as Value | undefined,
    (so_far, row) => (so_far === undefined || so_far === null || so_far === '' ? part?.evaluate(row) : so_far),
    value => value ?? null,
  )

/** The same, of the rows for which the last argument is true. */
const conditional =
  (make: Make): Make =>
  (parts, context) => {
    const condition = parts[1]
    if (condition?.type !== 'bool') throw fault.invalid('The condition of an aggregate must be of type bool.')
    const inner = make(
      parts.filter((_, at) => at !== 1),
      context,
    )
    return {
      type: inner.type,
      begin() {
        const gathering = inner.begin()
        return {
          add: row => {
            if (condition.evaluate(row) === true) gathering.add(row)
          },
          result: () => gathering.result(),
        }
      },
    }
  }

const aggregates: Readonly<
  Record<string, { readonly counts: readonly [least: number, most: number]; readonly make: Make }>
> = {
  count: { counts: [0, 1], make: count },
  countif: { counts: [1, 1], make: countIf },
  sum: { counts: [1, 1], make: sum },
  sumif: { counts: [2, 2], make: conditional(sum) },
  avg: { counts: [1, 1], make: avg },
  avgif: { counts: [2, 2], make: conditional(avg) },
  min: { counts: [1, 1], make: extreme(-1) },
  minif: { counts: [2, 2], make: conditional(extreme(-1)) },
  max: { counts: [1, 1], make: extreme(1) },
  maxif: { counts: [2, 2], make: conditional(extreme(1)) },
  dcount: { counts: [1, 2], make: dcount },
  dcountif: { counts: [2, 3], make: conditional(dcount) },
  count_distinct: { counts: [1, 1], make: dcount },
  make_list: { counts: [1, 2], make: list(false) },
  makelist: { counts: [1, 2], make: list(false) },
  make_list_if: { counts: [2, 3], make: conditional(list(false)) },
  make_set: { counts: [1, 2], make: list(true) },
  makeset: { counts: [1, 2], make: list(true) },
  make_set_if: { counts: [2, 3], make: conditional(list(true)) },
  make_bag: { counts: [1, 2], make: bag },
  any: { counts: [1, 1], make: any },
  take_any: { counts: [1, 1], make: any },
  anyif: { counts: [2, 2], make: conditional(any) },
  take_anyif: { counts: [2, 2], make: conditional(any) },
}

export const isAggregate = (name: string): boolean => Object.hasOwn(aggregates, name)

/** Throws a `KqlFault` for a wrong number or type of arguments. */
export const makeAggregate = (name: string, parts: readonly Scalar[], context: QueryContext): Aggregate => {
  const { counts, make } = aggregates[name] as (typeof aggregates)[string]
  if (parts.length < counts[0] || parts.length > counts[1]) throw fault.count(name, ...counts, parts.length)
  return make(parts, context)
}
