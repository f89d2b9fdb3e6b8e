import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { Frame } from '../frame.ts'
import type { Expression } from '../parse-expression.ts'
import { fault } from '../template-fault.ts'
import { isJsonObject, isLambda, typeName, type Value } from '../values.ts'

/** A call of a function, for those that need more than their arguments. */
export interface Call {
  /** As the template spells it. */
  readonly name: string
  readonly frame: Frame
  /** Calls a lambda with these values. */
  apply(lambda: Value | undefined, values: readonly Json[]): Json
}

/** A function of the language: how many arguments it takes, and what it makes of them. */
export type TemplateFunction = { readonly least: number; readonly most: number } & (
  | { run(given: readonly Value[], call: Call): Json }
  /** Evaluates what it needs of its arguments and nothing else: `if`, `and`, `or`, `coalesce`. */
  | { lazy(parts: readonly Expression[], evaluate: (part: Expression) => Json): Json }
)

export type FunctionTable = Readonly<Record<string, TemplateFunction>>

export const ANY = Number.POSITIVE_INFINITY

/** Declares a function of `least` to `most` arguments. */
export const of = (least: number, most: number, run: (given: Arguments, call: Call) => Json): TemplateFunction => ({
  least,
  most,
  run: (values, call) => run(new Arguments(values, call.name), call),
})

/** The arguments of a call, read as what they have to be. Positions count from 0; the messages count from 1. */
export class Arguments {
  readonly values: readonly Value[]
  readonly #name: string
  constructor(values: readonly Value[], name: string) {
    this.values = values
    this.#name = name
  }
  get count(): number {
    return this.values.length
  }
  wrong(position: number, expected: string): Error {
    return fault.type(this.#name, position + 1, expected, typeName(this.values[position]))
  }
  json(position: number): Json {
    const value = this.values[position]
    if (value === undefined || isLambda(value)) throw this.wrong(position, 'Value')
    return value
  }
  all(): Json[] {
    return this.values.map((_, position) => this.json(position))
  }
  text(position: number): string {
    const value = this.values[position]
    if (typeof value !== 'string') throw this.wrong(position, 'String')
    return value
  }
  /** The text, or `otherwise` when the argument is not there. */
  optionalText(position: number, otherwise: string): string {
    return this.values[position] === undefined ? otherwise : this.text(position)
  }
  integer(position: number): number {
    const value = this.values[position]
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.wrong(position, 'Integer')
    return value
  }
  boolean(position: number): boolean {
    const value = this.values[position]
    if (typeof value !== 'boolean') throw this.wrong(position, 'Boolean')
    return value
  }
  array(position: number): readonly Json[] {
    const value = this.values[position]
    if (!Array.isArray(value)) throw this.wrong(position, 'Array')
    return value as readonly Json[]
  }
  object(position: number): JsonObject {
    const value = this.values[position]
    if (value === undefined || !isJsonObject(value) || isLambda(value)) throw this.wrong(position, 'Object')
    return value
  }
}
