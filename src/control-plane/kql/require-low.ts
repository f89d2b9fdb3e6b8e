import { fault } from './kql-fault.ts'
import type { Expression } from './syntax.ts'

/** Whoever goes over a tree does so by a call within a call, and each of them takes several. */
const MAX_HEIGHT = 250

/** Throws a `KqlFault` when the tree of an expression is too high to be gone over: by chains, by brackets, or by both together. */
export const requireLow = (expression: Expression): Expression => {
  let level: readonly Expression[] = [expression]
  for (let height = 1; level.length > 0; height++) {
    if (height > MAX_HEIGHT) throw fault.tooMany('operators one within the other', MAX_HEIGHT)
    level = level.flatMap(partsOf)
  }
  return expression
}

const partsOf = (expression: Expression): readonly Expression[] => {
  switch (expression.kind) {
    case 'call':
    case 'all':
    case 'any':
      return expression.parts
    case 'among':
      return [expression.of, ...expression.parts]
    case 'binary':
      return [expression.left, expression.right]
    case 'index':
      return [expression.of, expression.index]
    case 'member':
    case 'minus':
      return [expression.of]
    default:
      return []
  }
}
