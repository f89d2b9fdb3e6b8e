import { isDeepStrictEqual } from 'node:util'
import type { Json } from '#resources/resource-document.ts'
import { fault } from '../template-fault.ts'
import { isJsonObject, memberOf, objectOf } from '../values.ts'
import { ANY, type Arguments, type Call, type FunctionTable, of } from './function.ts'
import { isEmpty, shownText } from './strings.ts'

const MAX_RANGE = 10_000

/** Functions on arrays and objects, and those that work on text as well. */
export const collections: FunctionTable = {
  array: of(1, 1, given => (Array.isArray(given.json(0)) ? given.json(0) : [given.json(0)])),
  concat: of(0, ANY, concat),
  contains: of(2, 2, contains),
  createArray: of(0, ANY, given => given.all()),
  createObject: of(0, ANY, createObject),
  empty: of(1, 1, given => isEmpty(given.json(0))),
  first: of(1, 1, given => itemAt(given, 0)),
  last: of(1, 1, given => itemAt(given, -1)),
  flatten: of(1, 1, flatten),
  indexOf: of(2, 2, given => find(given, false)),
  lastIndexOf: of(2, 2, given => find(given, true)),
  intersection: of(2, ANY, intersection),
  items: of(1, 1, given =>
    Object.entries(given.object(0))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value: value as Json })),
  ),
  length: of(1, 1, length),
  null: of(0, 0, () => null),
  objectKeys: of(1, 1, given => Object.keys(given.object(0)).toSorted()),
  range: of(2, 2, range),
  shallowMerge: of(1, 1, (given, call) =>
    merge(
      given.array(0).map((_, at) => objectIn(given, at)),
      false,
      call,
    ),
  ),
  skip: of(2, 2, given => part(given, count => [Math.max(count, 0), undefined])),
  take: of(2, 2, given => part(given, count => [0, Math.max(count, 0)])),
  tryGet: of(2, ANY, tryGet),
  tryIndexFromEnd: of(2, 2, given => given.array(0).at(-given.integer(1)) ?? null),
  indexFromEnd: of(2, 2, indexFromEnd),
  union: of(1, ANY, union),
}

function concat(given: Arguments, call: Call): Json {
  if (Array.isArray(given.values[0])) {
    const lists = given.values.map((_, at) => given.array(at))
    call.frame.budget.spend(8 * lists.reduce((sum, list) => sum + list.length, 0))
    return lists.flat(1)
  }
  return given.values
    .map((value, at) => {
      if (typeof value === 'object') throw given.wrong(at, 'String')
      return shownText(value)
    })
    .join('')
}

function contains(given: Arguments): Json {
  const [container, wanted] = [given.json(0), given.json(1)]
  if (typeof container === 'string') return container.includes(shownText(wanted))
  if (Array.isArray(container)) return container.some(item => isDeepStrictEqual(item, wanted))
  return memberOf(given.object(0), given.text(1)) !== undefined
}

function createObject(given: Arguments, call: Call): Json {
  if (given.count % 2 !== 0) throw fault.count(call.name, given.count)
  return objectOf(Array.from({ length: given.count / 2 }, (_, at) => [given.text(2 * at), given.json(2 * at + 1)]))
}

const itemAt = (given: Arguments, at: number): Json => {
  const value = given.json(0)
  if (typeof value === 'string') return value.at(at) ?? ''
  return given.array(0).at(at) ?? null
}

function flatten(given: Arguments, call: Call): Json {
  const lists = given.array(0)
  for (const list of lists) {
    if (!Array.isArray(list)) throw given.wrong(0, 'Array of arrays')
    call.frame.budget.spend(8 * list.length)
  }
  return lists.flat(1)
}

const find = (given: Arguments, fromEnd: boolean): Json => {
  const list = given.json(0)
  if (Array.isArray(list)) {
    const isIt = (item: Json) => isDeepStrictEqual(item, given.json(1))
    return fromEnd ? list.findLastIndex(isIt) : list.findIndex(isIt)
  }
  const [text, wanted] = [given.text(0).toLowerCase(), given.text(1).toLowerCase()]
  return fromEnd ? text.lastIndexOf(wanted) : text.indexOf(wanted)
}

function intersection(given: Arguments, call: Call): Json {
  if (Array.isArray(given.values[0])) {
    const [first = [], ...others] = given.values.map((_, at) => keyed(given.array(at), call))
    return [...first].filter(([key]) => others.every(other => new Map(other).has(key))).map(([, item]) => item)
  }
  const [first = {}, ...others] = given.values.map((_, at) => given.object(at))
  return objectOf(
    Object.entries(first).filter(([name, value]) =>
      others.every(other => isDeepStrictEqual(memberOf(other, name), value)),
    ) as [string, Json][],
  )
}

/** The items of an array, each once, by their text. */
const keyed = (items: readonly Json[], call: Call): Map<string, Json> => {
  call.frame.budget.spend(call.frame.budget.sizeOf(items as Json))
  const map = new Map<string, Json>()
  for (const item of items) {
    const key = JSON.stringify(item)
    if (!map.has(key)) map.set(key, item)
  }
  return map
}

function length(given: Arguments): Json {
  const value = given.json(0)
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  if (isJsonObject(value)) return Object.keys(value).length
  throw given.wrong(0, 'Object, Array or String')
}

function range(given: Arguments, call: Call): Json {
  const [start, count] = [given.integer(0), given.integer(1)]
  if (count < 0 || count > MAX_RANGE || start + count > 2_147_483_647)
    throw fault.value(call.name, `the count must be 0 to ${MAX_RANGE}, and the sum of both at most 2147483647.`)
  return Array.from({ length: count }, (_, index) => start + index)
}

const part = (given: Arguments, cut: (count: number) => [number, number | undefined]): Json => {
  const [from, to] = cut(given.integer(1))
  const value = given.json(0)
  return typeof value === 'string' ? value.slice(from, to) : given.array(0).slice(from, to)
}

function tryGet(given: Arguments): Json {
  let at: Json = given.json(0)
  for (const step of given.all().slice(1)) {
    if (isJsonObject(at) && typeof step === 'string') at = memberOf(at, step) ?? null
    else if (Array.isArray(at) && typeof step === 'number') at = (at[step] as Json | undefined) ?? null
    else return null
  }
  return at
}

function indexFromEnd(given: Arguments): Json {
  const found = given.array(0).at(-given.integer(1))
  if (found === undefined || given.integer(1) < 1) throw fault.noIndex(String(given.integer(1)))
  return found
}

function union(given: Arguments, call: Call): Json {
  if (Array.isArray(given.values[0])) {
    const lists = given.values.map((_, at) => given.array(at))
    call.frame.budget.spend(8 * lists.reduce((sum, list) => sum + list.length, 0))
    return [...keyed(lists.flat(1), call).values()]
  }
  return merge(
    given.values.map((_, at) => given.object(at)),
    true,
    call,
  )
}

const objectIn = (given: Arguments, at: number) => {
  const item = given.array(0)[at]
  if (!isJsonObject(item)) throw given.wrong(0, 'Array of objects')
  return item
}

/** Later members win; with `deep`, objects of the same name are merged in turn, as union() does. */
const merge = (objects: readonly Readonly<Record<string, Json | undefined>>[], deep: boolean, call: Call): Json => {
  const merged = new Map<string, [string, Json]>()
  for (const object of objects)
    for (const [name, value] of Object.entries(object) as [string, Json][]) {
      call.frame.budget.step()
      const known = merged.get(name.toLowerCase())
      const both = deep && known && isJsonObject(known[1]) && isJsonObject(value)
      const result = both ? call.frame.budget.deeper(() => merge([known[1] as never, value], deep, call)) : value
      merged.set(name.toLowerCase(), [known?.[0] ?? name, result])
    }
  return objectOf(merged.values())
}
