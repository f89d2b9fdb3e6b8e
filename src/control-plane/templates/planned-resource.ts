import type { JsonObject } from '#resources/resource-document.ts'
import type { Frame } from './frame.ts'

/** The round of a copy loop that a resource comes from. */
export interface Round {
  /** The name of the loop, by which others depend on all of it. */
  readonly loop: string
  readonly index: number
  /** How many may run at once; absent in parallel mode. */
  readonly batchSize?: number
}

/** A resource that a deployment is to make, or, with `isExisting`, only refers to. */
export interface PlannedResource {
  readonly symbol?: string
  readonly round?: Round
  /** `resources[3]` */
  readonly path: string
  readonly id: string
  readonly type: string
  /** With the names of its parents: `gallery/image`. */
  readonly name: string
  readonly apiVersion: string
  /** False when its condition says that it is not to be made. */
  readonly isWanted: boolean
  readonly isExisting: boolean
  readonly raw: JsonObject
  readonly frame: Frame
}
