import type { Transaction } from '#foundation/database.ts'
import type { SignedPoint } from './activity-chain.ts'
import type { Activity, ActivityRecord } from './activity-record.ts'

/** Which records, newest first. */
export interface ActivitySelection {
  /** Of this subscription; without it, what belongs to none: the tenant's. */
  readonly subscriptionId?: string
  /** ISO 8601, both included. */
  readonly from?: string
  readonly to?: string
  readonly correlationId?: string
  /** Begin behind this record. */
  readonly behind?: { readonly at: string; readonly sequence: number }
  readonly limit: number
}

export interface StoredActivity {
  readonly sequence: number
  readonly record: ActivityRecord
}

/** A record as it lies in the chain. */
export interface ChainedActivity {
  readonly sequence: number
  readonly hash: string
  /** The JSON that the hash is of. */
  readonly record: string
}

/**
 * Who did what. Records are only added, each with the hash of the one before, and the end of the chain is signed in the commit that
 * adds to it.
 */
export interface ActivityLog {
  /** In the commit of the change that it tells of: both are there, or neither. */
  append(transaction: Transaction, activity: Activity): Promise<void>
  /** In a commit of its own, shared with what others record meanwhile; resolves when it is on the disk. */
  record(activity: Activity): Promise<void>
  /**
   * The same for what was refused: who is refused without end (an actor, or the source where nobody is known) fills the log with
   * numbers, not with records.
   */
  recordRefusal(activity: Activity, source?: string): Promise<void>
  list(selection: ActivitySelection): Promise<readonly StoredActivity[]>
  /** Everything in order, some hundred at a time, behind the record of the number `after`. */
  chain(after?: number): AsyncGenerator<ChainedActivity>
  base(): Promise<SignedPoint>
  head(): Promise<SignedPoint>
  /** Base64 of the Ed25519 SubjectPublicKeyInfo that base and head are signed with. */
  readonly publicKey: string
  /** Gives up the records before that time; answers how many. */
  forget(before: Date): Promise<number>
}
