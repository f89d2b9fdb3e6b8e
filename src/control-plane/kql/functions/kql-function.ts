import type { KqlType, Value } from '../kql-type.ts'
import type { QueryContext, Scalar } from '../scalar.ts'

/** What a parameter takes: a type, to which a dynamic value is converted, or anything. */
export type ParameterType = KqlType | 'any'

/** A call as it is compiled. */
export interface Call extends QueryContext {
  readonly name: string
  readonly parts: readonly Scalar[]
  readonly types: readonly KqlType[]
}

export interface KqlFunction {
  readonly parameters: readonly ParameterType[]
  /** How many arguments are needed. */
  readonly least: number
  /** The last parameter stands for any number of arguments. */
  readonly isOpen: boolean
  readonly type: KqlType | ((call: Call) => KqlType)
  /** Makes the work of one call: done for each row, with the arguments' values. */
  readonly work: (call: Call) => (...values: never[]) => Value
}

/**
 * Declares a function. `parameters` reads as in its documentation: `string, long, long?`, or `any...` for one or more. Where an argument
 * of a plain type is null so is the result, without `work`.
 */
export const define = (parameters: string, type: KqlFunction['type'], work: KqlFunction['work']): KqlFunction => {
  const words = parameters
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')
  return {
    parameters: words.map(word => word.replace(/[?.]+$/, '') as ParameterType),
    least: words.filter(word => !word.endsWith('?')).length,
    isOpen: words.at(-1)?.endsWith('...') ?? false,
    type,
    work,
  }
}
