import type { Json } from '#resources/resource-document.ts'
import { fault } from '../template-fault.ts'
import { objectOf, typeName } from '../values.ts'
import { type Arguments, type Call, type FunctionTable, of } from './function.ts'

/** Functions that take a lambda expression, and the variables within one. */
export const lambdaFunctions: FunctionTable = {
  lambdaVariables: of(1, 1, (given, { frame }) => {
    const value = frame.lambdaVariables.get(given.text(0).toLowerCase())
    if (value === undefined)
      throw fault.value('lambdaVariables', `there is no variable '${given.text(0).slice(0, 100)}'.`)
    return value
  }),
  filter: of(2, 2, (given, call) =>
    given.array(0).filter((item, index) => truth(call, call.apply(given.values[1], [item, index]))),
  ),
  map: of(2, 2, (given, call) => given.array(0).map((item, index) => call.apply(given.values[1], [item, index]))),
  mapValues: of(2, 2, (given, call) =>
    objectOf(
      Object.entries(given.object(0)).map(([name, value]) => [name, call.apply(given.values[1], [value as Json])]),
    ),
  ),
  reduce: of(3, 3, (given, call) =>
    given.array(0).reduce<Json>((sum, item, index) => call.apply(given.values[2], [sum, item, index]), given.json(1)),
  ),
  sort: of(2, 2, sort),
  groupBy: of(2, 2, groupBy),
  toObject: of(2, 3, (given, call) =>
    objectOf(
      given
        .array(0)
        .map(item => [
          text(call, call.apply(given.values[1], [item])),
          given.count > 2 ? call.apply(given.values[2], [item]) : item,
        ]),
    ),
  ),
}

const truth = (call: Call, value: Json): boolean => {
  if (typeof value !== 'boolean') throw fault.type(call.name, 2, 'Boolean', typeName(value))
  return value
}

const text = (call: Call, value: Json): string => {
  if (typeof value !== 'string') throw fault.type(call.name, 2, 'String', typeName(value))
  return value
}

/** The lambda says whether its first variable comes before its second. */
function sort(given: Arguments, call: Call): Json {
  const before = (a: Json, b: Json) => truth(call, call.apply(given.values[1], [a, b]))
  return given.array(0).toSorted((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0))
}

function groupBy(given: Arguments, call: Call): Json {
  const groups = Map.groupBy(given.array(0), item => text(call, call.apply(given.values[1], [item])))
  return objectOf(groups)
}
