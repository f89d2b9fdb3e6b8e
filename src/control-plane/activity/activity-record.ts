/** How far something has come: a change that needs no work is `Succeeded` at once, else `Accepted` first. */
export type ActivityStatus = 'Started' | 'Accepted' | 'Succeeded' | 'Failed' | 'Canceled'

/** Who did it. All of it comes from a checked token, never from what a request says of itself. */
export interface Actor {
  /** A user's name, an application's id. */
  readonly name: string
  readonly objectId: string
  readonly applicationId: string
  readonly tenantId: string
  readonly kind: 'User' | 'Application'
}

/** Stands where an id of an actor is not known, or is nobody's. */
export const NOBODY = '00000000-0000-0000-0000-000000000000'

/** The request that it was done by. Paths only: a query may carry a secret, a body is never looked at. */
export interface ActivityRequest {
  readonly id?: string
  readonly clientRequestId?: string
  readonly method: string
  readonly path: string
  /** Where it came from; absent for a request from within the process. */
  readonly clientAddress?: string
}

/** One line of the activity log: who did what to which resource, when, from where and with what result. */
export interface ActivityRecord {
  readonly id: string
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string
  /** `Security` for sign-ins, else `Administrative`, as Azure has it. */
  readonly category: 'Administrative' | 'Security'
  /** The action that was asked for: `Microsoft.Compute/galleries/write`. */
  readonly action: string
  /** The id of the resource; `/` for the tenant. */
  readonly resourceId: string
  readonly status: ActivityStatus
  /** Of the answer, where there was one. */
  readonly statusCode?: number
  /** Why it failed: the error's code. Its message may quote what the caller sent, and is not kept. */
  readonly errorCode?: string
  /** In common to everything that one request of a client set off. */
  readonly correlationId: string
  /** In common to the records of one request: its beginning and its end. */
  readonly operationId: string
  readonly actor: Actor
  readonly request?: ActivityRequest
  /** How many more refusals of this actor were not written one by one since the last. */
  readonly unwritten?: number
}

/** What the writer of a record knows; the log adds its id and the time. */
export type Activity = Omit<ActivityRecord, 'id' | 'at'>
