import { orderOf } from '../compare.ts'
import { toDynamic } from '../convert.ts'
import { fault } from '../kql-fault.ts'
import { type Bag, isBag, isList, type KqlType, type Value } from '../kql-type.ts'
import { type Call, define, type KqlFunction } from './kql-function.ts'

const inBag = (call: Call, value: Value, at: number) => toDynamic(value, call.types[at] as KqlType)

const packArray =
  (call: Call) =>
  (...values: readonly Value[]) =>
    call.budget.made(values.map((value, at) => inBag(call, value, at)))

const pack = (call: Call) => {
  if (call.parts.length % 2 === 1) throw fault.invalid(`'${call.name}' takes pairs of a name and a value.`)
  return (...values: readonly Value[]) => {
    const members: [string, Value][] = []
    for (let at = 0; at < values.length; at += 2)
      members.push([String(values[at]), inBag(call, values[at + 1] as Value, at + 1)])
    return call.budget.made(Object.fromEntries(members))
  }
}

const bagMerge =
  (call: Call) =>
  (...values: readonly Value[]) => {
    const merged: Bag = Object.fromEntries(
      values
        .filter(isBag)
        .reverse()
        .flatMap(bag => Object.entries(bag)),
    )
    return call.budget.made(merged)
  }

const arrayConcat =
  (call: Call) =>
  (...values: readonly Value[]) =>
    call.budget.made(values.filter(isList).flat())

const keyOf = (value: Value) => (typeof value === 'object' ? JSON.stringify(value) : `${typeof value}:${value}`)

/** Items of the first list that are, or are not, in the second; each once. */
const setOf =
  (keeps: (isInBoth: boolean) => boolean) =>
  (call: Call) =>
  (one: Value, other: Value): Value => {
    if (!isList(one) || !isList(other)) return null
    call.budget.spend(call.budget.sizeOf(one) + call.budget.sizeOf(other))
    const known = new Set(other.map(keyOf))
    return distinct(one.filter(item => keeps(known.has(keyOf(item)))))
  }

const distinct = (items: readonly Value[]): Value => [...new Map(items.map(item => [keyOf(item), item])).values()]

const setUnion =
  (call: Call) =>
  (...values: readonly Value[]): Value =>
    call.budget.made(distinct(values.filter(isList).flat()))

const sorted = (sign: number): KqlFunction =>
  define('dynamic', 'dynamic', ({ budget }) => (list: Value) => {
    if (!isList(list)) return null
    budget.spend(budget.sizeOf(list) * 4)
    const isSimple = list.every(item => typeof item === typeof list[0] && typeof item !== 'object')
    return isSimple ? list.toSorted((one, other) => orderOf(one, other) * sign) : null
  })

const indexIn =
  ({ budget }: Call) =>
  (list: Value, item: Value) => {
    if (!isList(list)) return null
    budget.spend(list.length)
    return list.indexOf(item)
  }

export const collectionFunctions: Readonly<Record<string, KqlFunction>> = {
  array_length: define('dynamic', 'long', () => (list: Value) => (isList(list) ? list.length : null)),
  array_concat: define('dynamic...', 'dynamic', arrayConcat),
  array_slice: define(
    'dynamic, long, long',
    'dynamic',
    () => (list: Value, from: number, to: number) =>
      isList(list) ? list.slice(from, to === -1 ? undefined : to + 1) : null,
  ),
  array_index_of: define('dynamic, any', 'long', indexIn),
  array_sort_asc: sorted(1),
  array_sort_desc: sorted(-1),
  set_has_element: define('dynamic, any', 'bool', call => (list: Value, item: Value) => {
    const at = indexIn(call)(list, item)
    return at === null ? null : at >= 0
  }),
  set_union: define('dynamic...', 'dynamic', setUnion),
  set_intersect: define(
    'dynamic, dynamic',
    'dynamic',
    setOf(isInBoth => isInBoth),
  ),
  set_difference: define(
    'dynamic, dynamic',
    'dynamic',
    setOf(isInBoth => !isInBoth),
  ),
  bag_keys: define('dynamic', 'dynamic', () => (bag: Value) => (isBag(bag) ? Object.keys(bag) : null)),
  bag_has_key: define(
    'dynamic, string',
    'bool',
    () => (bag: Value, name: string) => (isBag(bag) ? Object.hasOwn(bag, name) : null),
  ),
  bag_merge: define('dynamic...', 'dynamic', bagMerge),
  bag_pack: define('any...', 'dynamic', pack),
  pack_array: define('any...', 'dynamic', packArray),
}
