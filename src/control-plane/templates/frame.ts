import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { Budget } from './budget.ts'
import type { Expression } from './parse-expression.ts'

/** What an expression asks of the world, by an answer that may not be there yet. */
export type LookUp =
  | { readonly kind: 'reference'; readonly id: string; readonly apiVersion?: string; readonly full: boolean }
  | {
      readonly kind: 'list'
      /** `listKeys` */
      readonly action: string
      readonly id: string
      readonly apiVersion: string
      readonly body?: Json
    }
  | { readonly kind: 'provider'; readonly namespace: string; readonly type?: string }

/** The answer is to be fetched; then the expression is evaluated again. */
export class NotLookedUp extends Error {
  override readonly name = 'NotLookedUp'
  readonly lookUp: Exclude<LookUp, { readonly kind: 'provider' }>
  constructor(lookUp: NotLookedUp['lookUp']) {
    super(`${lookUp.kind} was not looked up yet.`)
    this.lookUp = lookUp
  }
}

/** Where a deployment stands: what resourceGroup() and its like tell. Throws a `TemplateFault` for what is not in this scope. */
export interface Surroundings {
  readonly scope: 'resourceGroup' | 'subscription' | 'tenant'
  resourceGroup(): JsonObject
  subscription(): JsonObject
  tenant(): JsonObject
  deployment(): JsonObject
  deployer(): JsonObject
  environment(): JsonObject
  /** Throws `NotLookedUp` when the answer is to be fetched first. */
  lookUp(what: LookUp): Json
  now(): Date
  newGuid(): string
}

export interface UserFunction {
  readonly parameters: readonly { readonly name: string; readonly type: string }[]
  readonly output: Json
}

/** A resource of the template, as expressions refer to it. */
export interface NamedResource {
  readonly id: string
  readonly apiVersion: string
}

/** What the names in an expression mean at the place where it stands. */
export interface Frame {
  readonly budget: Budget
  readonly surroundings: Surroundings
  /** Throws a `TemplateFault` when there is none. */
  parameter(name: string): Json
  variable(name: string): Json
  /** By `namespace.name` in lower case. */
  readonly functions: ReadonlyMap<string, UserFunction>
  /** Indexes of the loops around, by name in lower case; `''` is the nearest. */
  readonly loops: ReadonlyMap<string, number>
  readonly lambdaVariables: ReadonlyMap<string, Json>
  /** Whether reference() and list...() may stand here: not where names and conditions are worked out. */
  readonly looksUp: boolean
  /** utcNow() and newGuid() may stand in the default of a parameter only. */
  readonly isDefault: boolean
  /** The resource id that a symbolic name, or the short name of a resource of the template, stands for. */
  resourceOf?(name: string): NamedResource | readonly NamedResource[] | undefined
  /** Names of loops over resources: one that goes round no time at all can be depended on. */
  readonly emptyLoops?: ReadonlySet<string>
  /** Shared by all expressions of a template. */
  readonly parsed: Map<string, Expression>
}
