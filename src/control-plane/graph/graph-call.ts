import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import type { Identity } from '#identity/identity.ts'
import type { Caller } from '#identity/tokens.ts'
import type { DirectoryChange } from './directory-change.ts'
import type { Odata } from './odata-query.ts'

/** Any JSON object. */
export type Words = Readonly<Record<string, unknown>>

/** A request to Graph after it has been read. Everything that it can see or change is of the caller's tenant. */
export interface GraphCall {
  readonly caller: Caller
  /** What stands for `:id` and the like in the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Odata
  readonly body: Words
  /** Where this API is, without trailing slash: `https://127.0.0.1:9443/msgraph/v1.0`. */
  readonly root: string
  /** The address that it came from. */
  readonly remote: string
}

export interface GraphAnswer {
  readonly status: 200 | 201 | 204
  readonly body?: Words
}

export interface GraphParts {
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Whether somebody administers the directory of the own tenant. */
  administers(caller: Caller): Promise<boolean>
  /** Counts a request of the caller; throws an error with the status 429 and its headers when there were too many. */
  limit(method: GraphRoute['method'], caller: Caller): void
  /** Writes down what was done, before it is answered. */
  noteChange?(change: DirectoryChange): Promise<void>
}

/** One thing that can be asked of Graph. */
export interface GraphRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the API's root, with `:name` where a value stands. */
  readonly path: string
  run(call: GraphCall, parts: GraphParts): Promise<GraphAnswer>
}

export const done: GraphAnswer = { status: 204 }
