import { orderOf } from '../compare.ts'
import { compileExpression } from '../compile-expression.ts'
import { fault } from '../kql-fault.ts'
import type { Column, Row, Value } from '../kql-type.ts'
import type { SortKey } from '../syntax.ts'
import { eachRow, type Stage, type World } from './stage.ts'

/** Rows in the order of their keys; those with equal keys stay in theirs. */
export const order = (keys: readonly SortKey[], columns: readonly Column[], world: World): Stage => {
  const compiled = keys.map(key => {
    const scalar = compileExpression(key.expression, { ...world, columns })
    const { expression } = key
    if (scalar.type === 'dynamic')
      throw fault.dynamicKey('Order key', expression.kind === 'name' ? expression.name : 'value')
    return { ...key, scalar }
  })
  return {
    columns,
    async run(rows) {
      const keyed: { row: Row; values: readonly Value[] }[] = []
      await eachRow(rows, world, row => {
        keyed.push({ row, values: compiled.map(({ scalar }) => scalar.evaluate(row)) })
      })
      world.budget.spend(keyed.length * Math.ceil(Math.log2(keyed.length + 1)) * 4)
      return keyed.sort((one, other) => compareKeys(one.values, other.values, compiled)).map(({ row }) => row)
    },
  }
}

const compareKeys = (one: readonly Value[], other: readonly Value[], keys: readonly SortKey[]): number => {
  for (const [at, { isDescending, nulls }] of keys.entries()) {
    const [left, right] = [one[at] ?? null, other[at] ?? null]
    const isPlaced = nulls !== undefined && (left === null) !== (right === null)
    const order = isPlaced
      ? (left === null) === (nulls === 'first')
        ? -1
        : 1
      : orderOf(left, right) * (isDescending ? -1 : 1)
    if (order !== 0) return order
  }
  return 0
}

export const take = (count: number, columns: readonly Column[]): Stage => ({
  columns,
  run: async rows => rows.slice(0, count),
})

export const top = (count: number, keys: readonly SortKey[], columns: readonly Column[], world: World): Stage => {
  const ordered = order(keys, columns, world)
  return { columns, run: async rows => (await ordered.run(rows)).slice(0, count) }
}

export const count = (): Stage => ({
  columns: [{ name: 'Count', type: 'long' }],
  run: async rows => [[rows.length]],
})
