import { calculate } from './arithmetic.ts'
import { callFunction } from './call-function.ts'
import { compareAmong, compareBetween, compareBinary } from './compare.ts'
import { fault } from './kql-fault.ts'
import { type Column, isList, type KqlType, memberOf, type Row, type Value } from './kql-type.ts'
import { constantScalar, type Scalar, type Scope } from './scalar.ts'
import type { Expression } from './syntax.ts'

/** Finds the columns and functions of an expression, and the type of what comes out. Throws a `KqlFault`. */
export const compileExpression = (expression: Expression, scope: Scope): Scalar => {
  const compile = (part: Expression) => compileExpression(part, scope)
  switch (expression.kind) {
    case 'literal':
      return constantScalar(expression.type, expression.value)
    case 'name':
      return compileColumn(expression.name, scope)
    case 'member':
      return compileMember(compile(expression.of), expression.name)
    case 'index':
      return compileIndex(compile(expression.of), compile(expression.index))
    case 'minus':
      return calculate('-', constantScalar('long', 0), compile(expression.of))
    case 'all':
    case 'any':
      return compileLogic(expression.kind, expression.parts.map(compile))
    case 'binary':
      return compileBinary(expression.operator, compile(expression.left), compile(expression.right), scope)
    case 'among': {
      const { operator, of, parts } = expression
      const compared = /between/.test(operator) ? compareBetween : compareAmong
      return compared(operator, compile(of), parts.map(compile), scope)
    }
    case 'call':
      if (expression.name === 'column_ifexists' || expression.name === 'columnifexists')
        return compileIfExists(expression.parts, scope)
      return callFunction(expression.name, expression.parts.map(compile), scope)
    case 'star':
      throw fault.invalid("'*' can only stand for all columns in count(*), arg_max(x, *) and the like.")
  }
}

const compileBinary = (operator: string, left: Scalar, right: Scalar, scope: Scope): Scalar =>
  ['+', '-', '*', '/', '%'].includes(operator)
    ? calculate(operator, left, right)
    : compareBinary(operator, left, right, scope)

/** The place of a column. Throws with the name that only differs in case, if there is one. */
export const columnIndex = (name: string, columns: readonly Column[]): number => {
  const index = columns.findIndex(column => column.name === name)
  if (index >= 0) return index
  throw fault.unknownColumn(name, columns.find(column => column.name.toLowerCase() === name.toLowerCase())?.name)
}

const compileColumn = (name: string, { columns }: Scope): Scalar => {
  const index = columnIndex(name, columns)
  const { type } = columns[index] as Column
  return { type, evaluate: row => row[index] ?? (type === 'string' ? '' : null) }
}

/** `column_ifexists('name', else)` */
const compileIfExists = (parts: readonly Expression[], scope: Scope): Scalar => {
  const [name, otherwise] = parts
  if (parts.length !== 2 || !otherwise) throw fault.count('column_ifexists', 2, 2, parts.length)
  if (name?.kind !== 'literal' || typeof name.value !== 'string')
    throw fault.invalid('The name of a column must be a text.')
  const isThere = scope.columns.some(column => column.name === name.value)
  return isThere ? compileColumn(name.value, scope) : compileExpression(otherwise, scope)
}

const compileMember = (of: Scalar, name: string): Scalar => {
  if (of.type !== 'dynamic') throw fault.invalid(`A value of type ${of.type} has no member '${name.slice(0, 100)}'.`)
  return { type: 'dynamic', evaluate: row => memberOf(of.evaluate(row), name) }
}

const compileIndex = (of: Scalar, index: Scalar): Scalar => {
  if (of.type !== 'dynamic') throw fault.invalid(`A value of type ${of.type} has no items.`)
  return { type: 'dynamic', evaluate: row => itemAt(of.evaluate(row), index.evaluate(row)) }
}

/** `-1` is the last item. */
const itemAt = (of: Value, index: Value): Value => {
  if (typeof index === 'string') return memberOf(of, index)
  return isList(of) && typeof index === 'number' ? (of.at(index) ?? null) : null
}

/** A condition as true, false or unknown. */
export const asCondition = (scalar: Scalar, what: string): ((row: Row) => boolean | null) => {
  const { type } = scalar
  if (type !== 'bool' && type !== 'dynamic') throw fault.invalid(`${what} must be of type bool, it is of type ${type}.`)
  return row => {
    const value = scalar.evaluate(row)
    return typeof value === 'boolean' ? value : null
  }
}

const compileLogic = (kind: 'all' | 'any', parts: readonly Scalar[]): Scalar => {
  const conditions = parts.map(part => asCondition(part, `An operand of '${kind === 'all' ? 'and' : 'or'}'`))
  const decides = kind === 'any'
  const type: KqlType = 'bool'
  return {
    type,
    evaluate(row) {
      let isUnknown = false
      for (const condition of conditions) {
        const value = condition(row)
        if (value === decides) return decides
        isUnknown ||= value === null
      }
      return isUnknown ? null : !decides
    },
  }
}
