import { fault } from './kql-fault.ts'
import { isNumeric, type KqlType } from './kql-type.ts'
import type { Scalar } from './scalar.ts'

/** `+`, `-`, `*`, `/` and `%` of numbers, dates and spans; null where one side is, and where something is divided by zero. */
export const calculate = (operator: string, left: Scalar, right: Scalar): Scalar => {
  const type = resultType(operator, left.type, right.type)
  if (!type) throw fault.arithmetic(operator, left.type, right.type)
  const work = type === 'long' ? whole(operator) : real(operator)
  return {
    type,
    evaluate(row) {
      const one = left.evaluate(row)
      const other = right.evaluate(row)
      return typeof one === 'number' && typeof other === 'number' ? work(one, other) : null
    },
  }
}

const resultType = (operator: string, left: KqlType, right: KqlType): KqlType | undefined => {
  if (isNumeric(left) && isNumeric(right)) return left === 'long' && right === 'long' ? 'long' : 'real'
  if (operator === '+' || operator === '-') return sumType(operator, left, right)
  if (left === 'timespan' && isNumeric(right)) return 'timespan'
  if (operator === '*' && isNumeric(left) && right === 'timespan') return 'timespan'
  return left === 'timespan' && right === 'timespan' && operator === '/' ? 'real' : undefined
}

const sumType = (operator: string, left: KqlType, right: KqlType): KqlType | undefined => {
  if (left === 'timespan' && right === 'timespan') return 'timespan'
  // A span with a sign: `-1d` is `0 - 1d`.
  if (left === 'long' && right === 'timespan' && operator === '-') return 'timespan'
  if (left === 'datetime' && right === 'timespan') return 'datetime'
  if (left === 'timespan' && right === 'datetime' && operator === '+') return 'datetime'
  return left === 'datetime' && right === 'datetime' && operator === '-' ? 'timespan' : undefined
}

type Work = (left: number, right: number) => number | null

const real = (operator: string): Work => {
  if (operator === '+') return (left, right) => left + right
  if (operator === '-') return (left, right) => left - right
  if (operator === '*') return (left, right) => left * right
  return operator === '/'
    ? (left, right) => (right === 0 ? null : left / right)
    : (left, right) => (right === 0 ? null : left % right)
}

const whole = (operator: string): Work => {
  const work = real(operator)
  return (left, right) => {
    const value = work(left, right)
    return value === null ? null : Math.trunc(value)
  }
}
