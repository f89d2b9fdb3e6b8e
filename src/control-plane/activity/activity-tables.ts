import type { Generated } from 'kysely'

interface RecordRow {
  sequence: number
  /** The JSON of an `ActivityRecord`: what the hash is of. */
  record: string
  hash: string
  /** Worked out of `record` by the database, so that what a query finds and what the chain covers can't differ. */
  at: Generated<string>
  subscription: Generated<string | null>
  correlation: Generated<string>
}

interface PointRow {
  kind: 'head' | 'base'
  sequence: number
  hash: string
  signature: string
}

export interface ActivityTables {
  activity_record: RecordRow
  activity_point: PointRow
}

const resourceId = `lower(record ->> 'resourceId')`
/** The 36 characters behind `/subscriptions/`. */
const subscription = `case when ${resourceId} like '/subscriptions/%' then substr(${resourceId}, 16, 36) end`

export const activityMigrations = [
  `create table if not exists activity_record (
    sequence integer primary key, record text not null, hash text not null,
    at text generated always as (record ->> 'at') virtual,
    subscription text generated always as (${subscription}) virtual,
    correlation text generated always as (lower(record ->> 'correlationId')) virtual)`,
  'create index if not exists activity_of_subscription on activity_record (subscription, at)',
  'create index if not exists activity_of_correlation on activity_record (correlation)',
  `create table if not exists activity_point (
    kind text primary key, sequence integer not null, hash text not null, signature text not null)`,
  // A mistake of our own can change nothing that is written, and give up nothing that the signed base does not say is given up.
  `create trigger if not exists activity_record_stays before update on activity_record
    begin select raise(abort, 'the activity log is only added to'); end`,
  `create trigger if not exists activity_record_is_kept before delete on activity_record
    when old.sequence > (select coalesce(max(sequence), 0) from activity_point where kind = 'base')
    begin select raise(abort, 'the activity log is only added to'); end`,
]
