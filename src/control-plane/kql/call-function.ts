import { convert } from './convert.ts'
import { collectionFunctions } from './functions/collections.ts'
import { conversionFunctions } from './functions/conversions.ts'
import { dateFunctions } from './functions/dates.ts'
import type { Call, KqlFunction, ParameterType } from './functions/kql-function.ts'
import { numberFunctions } from './functions/numbers.ts'
import { textFunctions } from './functions/texts.ts'
import { fault } from './kql-fault.ts'
import { emptyOf, type KqlType, type Row, type Value } from './kql-type.ts'
import type { QueryContext, Scalar } from './scalar.ts'

const functions = new Map<string, KqlFunction>(
  Object.entries({
    ...textFunctions,
    ...conversionFunctions,
    ...dateFunctions,
    ...collectionFunctions,
    ...numberFunctions,
  }),
)
for (const [other, name] of [
  ['iif', 'iff'],
  ['pack', 'bag_pack'],
  ['todynamic', 'parse_json'],
  ['parsejson', 'parse_json'],
  ['arraylength', 'array_length'],
  ['notnull', 'isnotnull'],
  ['notempty', 'isnotempty'],
] as const)
  functions.set(other, functions.get(name) as KqlFunction)

/** A call of a scalar function: arguments are brought to the types it takes. Throws a `KqlFault` for a wrong number or type. */
export const callFunction = (name: string, parts: readonly Scalar[], context: QueryContext): Scalar => {
  const called = functions.get(name)
  if (!called) throw fault.unknownFunction(name)
  const { parameters, least, isOpen } = called
  const most = isOpen ? Number.POSITIVE_INFINITY : parameters.length
  if (parts.length < least || parts.length > most) throw fault.count(name, least, most, parts.length)
  const wanted = parts.map((_, at) => parameters[Math.min(at, parameters.length - 1)] as ParameterType)
  const readers = parts.map((part, at) => argument(name, at + 1, part, wanted[at] as ParameterType))
  const call: Call = { ...context, name, parts, types: parts.map(part => part.type) }
  const type = typeof called.type === 'function' ? called.type(call) : called.type
  const work = called.work(call) as (...values: readonly Value[]) => Value
  return { type, evaluate: row => evaluate(row, readers, wanted, work, type, call) }
}

const evaluate = (
  row: Row,
  readers: readonly ((row: Row) => Value)[],
  wanted: readonly ParameterType[],
  work: (...values: readonly Value[]) => Value,
  type: KqlType,
  { budget }: Call,
): Value => {
  const values = readers.map(read => read(row))
  let size = 1
  for (const [at, value] of values.entries()) {
    if (value === null && wanted[at] !== 'any' && wanted[at] !== 'dynamic') return emptyOf(type)
    if (typeof value === 'string') size += value.length
  }
  budget.spend(size)
  return work(...values) ?? emptyOf(type)
}

const argument = (name: string, position: number, part: Scalar, wanted: ParameterType): ((row: Row) => Value) => {
  if (wanted === 'any' || wanted === part.type) return part.evaluate
  const isTaken = part.type === 'dynamic' || wanted === 'string' || (wanted === 'real' && part.type === 'long')
  if (!isTaken) throw fault.argument(name, position, wanted, part.type)
  return row => convert(part.evaluate(row), part.type, wanted)
}
