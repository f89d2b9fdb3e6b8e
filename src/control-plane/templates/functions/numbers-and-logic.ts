import { isDeepStrictEqual } from 'node:util'
import type { Json } from '#resources/resource-document.ts'
import type { Expression } from '../parse-expression.ts'
import { fault } from '../template-fault.ts'
import { typeName } from '../values.ts'
import { ANY, type Arguments, type Call, type FunctionTable, of } from './function.ts'

/** Arithmetic on whole numbers. */
export const numbers: FunctionTable = {
  add: of(2, 2, (given, call) => whole(given.integer(0) + given.integer(1), call)),
  sub: of(2, 2, (given, call) => whole(given.integer(0) - given.integer(1), call)),
  mul: of(2, 2, (given, call) => whole(given.integer(0) * given.integer(1), call)),
  div: of(2, 2, (given, call) => Math.trunc(given.integer(0) / divisor(given, call))),
  mod: of(2, 2, (given, call) => given.integer(0) % divisor(given, call)),
  min: of(1, ANY, given => integers(given).reduce((a, b) => Math.min(a, b))),
  max: of(1, ANY, given => integers(given).reduce((a, b) => Math.max(a, b))),
  int: of(1, 1, toInteger),
  float: of(1, 1, toFloat),
}

const whole = (value: number, call: Call): number => {
  if (!Number.isSafeInteger(value)) throw fault.value(call.name, 'the result is too large.')
  return value
}

const divisor = (given: Arguments, call: Call): number => {
  if (given.integer(1) === 0) throw fault.value(call.name, 'the divisor must not be 0.')
  return given.integer(1)
}

const integers = (given: Arguments): number[] => {
  if (!Array.isArray(given.values[0])) return given.values.map((_, at) => given.integer(at))
  const items = given.array(0)
  if (items.length === 0) throw given.wrong(0, 'Array with items')
  return items.map(item => {
    if (typeof item !== 'number') throw given.wrong(0, 'Array of integers')
    return item
  })
}

function toInteger(given: Arguments, call: Call): Json {
  const value = given.json(0)
  const number = typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : value
  if (typeof number !== 'number') throw given.wrong(0, 'Integer')
  return whole(Math.trunc(number), call)
}

function toFloat(given: Arguments): Json {
  const value = given.json(0)
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) throw given.wrong(0, 'Float')
  return number
}

/** Decisions; those that need not look at all their arguments do not evaluate them. */
export const logic: FunctionTable = {
  true: of(0, 0, () => true),
  false: of(0, 0, () => false),
  not: of(1, 1, given => !given.boolean(0)),
  bool: of(1, 1, toBoolean),
  if: {
    least: 3,
    most: 3,
    lazy: ([condition, yes, no], evaluate) => evaluate((truth('if', condition, evaluate) ? yes : no) as Expression),
  },
  and: { least: 2, most: ANY, lazy: (parts, evaluate) => parts.every(part => truth('and', part, evaluate)) },
  or: { least: 2, most: ANY, lazy: (parts, evaluate) => parts.some(part => truth('or', part, evaluate)) },
  coalesce: {
    least: 1,
    most: ANY,
    lazy(parts, evaluate) {
      for (const part of parts) {
        const value = evaluate(part)
        if (value !== null) return value
      }
      return null
    },
  },
  equals: of(2, 2, (given, { frame }) => {
    frame.budget.spend(frame.budget.sizeOf(given.json(0)))
    return isDeepStrictEqual(given.json(0), given.json(1))
  }),
  greater: of(2, 2, given => compare(given) > 0),
  greaterOrEquals: of(2, 2, given => compare(given) >= 0),
  less: of(2, 2, given => compare(given) < 0),
  lessOrEquals: of(2, 2, given => compare(given) <= 0),
  fail: of(1, 1, given => {
    throw fault.value('fail', given.text(0).slice(0, 2000))
  }),
}

const truth = (name: string, part: Expression | undefined, evaluate: (part: Expression) => Json): boolean => {
  const value = evaluate(part as Expression)
  if (typeof value !== 'boolean') throw fault.type(name, 1, 'Boolean', typeName(value))
  return value
}

function toBoolean(given: Arguments): Json {
  const value = given.json(0)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string' && /^(true|false|1|0)$/i.test(value)) return /^(true|1)$/i.test(value)
  throw given.wrong(0, 'Boolean')
}

const compare = (given: Arguments): number => {
  const [a, b] = [given.json(0), given.json(1)]
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [given.text(0), given.text(1)]
  return left < right ? -1 : left > right ? 1 : 0
}
