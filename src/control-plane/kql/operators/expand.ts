import { ColumnNames } from '../column-names.ts'
import { compileExpression } from '../compile-expression.ts'
import { convert } from '../convert.ts'
import { fault } from '../kql-fault.ts'
import { type Column, emptyOf, isBag, isList, type KqlType, type Value } from '../kql-type.ts'
import type { Operator } from '../syntax.ts'
import { bounded } from './columns.ts'
import { eachRow, type Stage, type World } from './stage.ts'

type MvExpand = Extract<Operator, { kind: 'mv-expand' }>
type Parse = Extract<Operator, { kind: 'parse' }>

/** A row for each item of a list, or member of a bag; a row of its own for what is neither. Several lists go side by side. */
export const mvExpand = (
  { expansions, limit, indexColumn }: MvExpand,
  columns: readonly Column[],
  world: World,
): Stage => {
  const names = new ColumnNames(columns)
  const all: Column[] = [...columns]
  const made = expansions.map(({ name, expression, type = 'dynamic' }) => {
    const scalar = compileExpression(expression, { ...world, columns })
    if (scalar.type !== 'dynamic')
      throw fault.invalid(`'mv-expand' takes values of type dynamic, not of type ${scalar.type}.`)
    const own = name ?? (expression.kind === 'name' ? expression.name : names.of({ expression }))
    return { scalar, type, place: placeOf(all, own, type) }
  })
  const indexPlace = indexColumn === undefined ? undefined : placeOf(all, indexColumn, 'long')
  return {
    columns: bounded(all),
    run: rows =>
      eachRow(rows, world, (row, add) => {
        const lists = made.map(({ scalar }) => itemsOf(scalar.evaluate(row)))
        const count = Math.min(limit, Math.max(...lists.map(list => list.length)))
        world.budget.spend(count * all.length)
        for (let at = 0; at < count; at++) {
          const expanded: Value[] = all.map((_, place) => row[place] ?? null)
          for (const [list, { place, type }] of made.entries())
            expanded[place] = convert(lists[list]?.[at] ?? null, 'dynamic', type)
          if (indexPlace !== undefined) expanded[indexPlace] = at
          add(expanded)
        }
      }),
  }
}

/** Where a column of that name is, or now is. */
const placeOf = (columns: Column[], name: string, type: KqlType): number => {
  const place = columns.findIndex(column => column.name === name)
  if (place < 0) return columns.push({ name, type }) - 1
  columns[place] = { name, type }
  return place
}

const itemsOf = (value: Value): readonly Value[] => {
  if (isList(value)) return value.length === 0 ? [null] : value
  return isBag(value) ? Object.entries(value).map(([name, member]) => ({ [name]: member })) : [value]
}

/** Columns cut out of a text that follows a pattern; empty where it does not. */
export const parse = ({ of, parts, keepsOnlyMatches }: Parse, columns: readonly Column[], world: World): Stage => {
  const source = compileExpression(of, { ...world, columns })
  const all: Column[] = [...columns]
  const places = parts.map(part => (part.kind === 'column' ? placeOf(all, part.name, part.type) : -1))
  return {
    columns: bounded(all),
    run: rows =>
      eachRow(rows, world, (row, add) => {
        const text = String(convert(source.evaluate(row), source.type, 'string'))
        world.budget.spend(text.length * parts.length)
        const found = cutText(text, parts)
        if (!found && keepsOnlyMatches) return
        const parsed: Value[] = all.map((_, place) => row[place] ?? null)
        for (const [at, part] of parts.entries())
          if (part.kind === 'column')
            parsed[places[at] as number] = found ? convert(found[at] ?? '', 'string', part.type) : emptyOf(part.type)
        add(parsed)
      }),
  }
}

/** What lies in the text for each part; undefined when a text of the pattern is not there. */
const cutText = (text: string, parts: Parse['parts']): string[] | undefined => {
  const cut = parts.map(() => '')
  let from = 0
  let open: number | undefined
  for (const [at, part] of parts.entries()) {
    if (part.kind !== 'text') {
      open = at
      continue
    }
    const found = text.indexOf(part.text, from)
    if (found < 0 || (open === undefined && found !== from)) return undefined
    if (open !== undefined) cut[open] = text.slice(from, found)
    open = undefined
    from = found + part.text.length
  }
  if (open !== undefined) cut[open] = text.slice(from)
  return cut
}
