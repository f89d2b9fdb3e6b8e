import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { UserFunction } from './frame.ts'

/** The types of parameters and outputs, in the case Azure writes them. */
export const PARAMETER_TYPES = ['String', 'SecureString', 'Int', 'Bool', 'Object', 'SecureObject', 'Array'] as const
export type ParameterType = (typeof PARAMETER_TYPES)[number]

/** What a value of a parameter, of an output, or of a type that the template declares has to be. */
export interface TypeRule {
  readonly type?: ParameterType
  /** `#/definitions/name` */
  readonly ref?: string
  readonly nullable: boolean
  readonly allowedValues?: readonly Json[]
  readonly minValue?: number
  readonly maxValue?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly properties?: ReadonlyMap<string, TypeRule>
  readonly items?: TypeRule
}

export interface ParameterDeclaration extends TypeRule {
  readonly name: string
  readonly defaultValue?: Json
}

export interface OutputDeclaration extends TypeRule {
  readonly name: string
  readonly condition?: Json
  readonly value?: Json
  readonly copy?: { readonly count: Json; readonly input: Json }
}

/** A resource as the template has it, nothing evaluated. */
export interface ResourceDeclaration {
  readonly symbol?: string
  /** Where it stands: `resources[3]`. */
  readonly path: string
  readonly raw: JsonObject
}

/** A template, read: its sections in their form, expressions untouched. */
export interface Template {
  readonly raw: JsonObject
  /** Resources have symbolic names, by which the template refers to them (languageVersion 2.0). */
  readonly isSymbolic: boolean
  readonly parameters: ReadonlyMap<string, ParameterDeclaration>
  readonly definitions: ReadonlyMap<string, TypeRule>
  readonly variables: JsonObject
  readonly functions: ReadonlyMap<string, UserFunction>
  readonly resources: readonly ResourceDeclaration[]
  readonly outputs: ReadonlyMap<string, OutputDeclaration>
}
