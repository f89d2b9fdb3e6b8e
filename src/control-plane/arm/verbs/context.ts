import type { Database } from '#foundation/database.ts'
import type { Operations } from '#operations/operations.ts'
import type { Registry } from '../registry.ts'
import type { Arm } from '../resource-type.ts'

/** What all verbs work with. */
export interface VerbParts {
  readonly arm: Arm
  readonly database: Database
  readonly operations: Operations
  readonly registry: Registry
}
