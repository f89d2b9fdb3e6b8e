import type { KeyObject } from 'node:crypto'
import { CompiledQuery } from 'kysely'
import type { Clock } from '#foundation/clock.ts'
import type { Database, Transaction } from '#foundation/database.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import {
  type ChainPoint,
  nextPoint,
  type PointKind,
  publicKeyOf,
  type SignedPoint,
  signPoint,
} from './activity-chain.ts'
import type { ActivityLog, ActivitySelection, StoredActivity } from './activity-log.ts'
import { type Activity, type ActivityRecord, NOBODY } from './activity-record.ts'
import { type ActivityTables, activityMigrations } from './activity-tables.ts'
import { groupCommits } from './group-commits.ts'
import { refusalBudget } from './refusal-budget.ts'
import { settleEnds } from './settle-ends.ts'

export interface ActivityParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ed25519. */
  readonly key: KeyObject
}

const READ_AT_ONCE = 500

// Every write of the server passes these: putting them together each time would cost as much as the rest.
const findHead = CompiledQuery.raw("select sequence, hash, signature from activity_point where kind = 'head'")
const addRecord = (values: unknown[]) =>
  CompiledQuery.raw('insert into activity_record (sequence, hash, record) values (?, ?, ?)', values)
const moveHead = (values: unknown[]) =>
  CompiledQuery.raw("update activity_point set sequence = ?, hash = ?, signature = ? where kind = 'head'", values)

/** The activity log in the metadata database, beside what it tells of. */
export const openActivityLog = async (parts: ActivityParts): Promise<ActivityLog> => {
  const { database, clock, random, key, log } = parts
  await database.migrate(activityMigrations)
  const wrong = await settleEnds(database, key)

  const append = async (transaction: Transaction, activities: readonly Activity[]): Promise<void> => {
    const rows = transaction.as<ActivityTables>()
    const { rows: heads } = await rows.executeQuery<SignedPoint>(findHead)
    invariant(heads[0], 'The activity log has no end.')
    let point: ChainPoint = heads[0]
    for (const activity of activities) {
      const record: ActivityRecord = { id: random.uuid(), at: clock.now().toISOString(), ...activity }
      const text = JSON.stringify(record)
      point = nextPoint(point, text)
      await rows.executeQuery(addRecord([point.sequence, point.hash, text]))
    }
    const { sequence, hash, signature } = signPoint('head', point, key)
    await rows.executeQuery(moveHead([sequence, hash, signature]))
  }
  const record = groupCommits<Activity>(activities => database.transact(transaction => append(transaction, activities)))
  const budget = refusalBudget(clock)
  if (wrong.length > 0) {
    log.error('the activity log was changed from outside: verify it', { wrong })
    await record(endsWereWrong(random.uuid()))
  }

  return {
    append: (transaction, activity) => append(transaction, [activity]),
    record,
    async recordRefusal(activity, source = activity.actor.objectId) {
      const unwritten = budget(source)
      if (unwritten !== undefined) await record(unwritten > 0 ? { ...activity, unwritten } : activity)
    },
    list: selection => list(database, selection),
    async *chain(after = 0) {
      for (let last = after; ; ) {
        const rows = await database
          .as<ActivityTables>()
          .selectFrom('activity_record')
          .select(['sequence', 'hash', 'record'])
          .where('sequence', '>', last)
          .orderBy('sequence')
          .limit(READ_AT_ONCE)
          .execute()
        yield* rows
        if (rows.length < READ_AT_ONCE) return
        last = rows.at(-1)?.sequence ?? last
      }
    },
    base: () => pointOf('base', database),
    head: () => pointOf('head', database),
    publicKey: publicKeyOf(key),
    forget: before => forget(parts, before.toISOString()),
  }
}

/** Told by the log itself: whoever takes its end away can't take this away as well without being seen again. */
const endsWereWrong = (operationId: string): Activity => ({
  category: 'Security',
  action: 'OpenGallery/activityLog/write',
  resourceId: '/',
  status: 'Failed',
  errorCode: 'ActivityLogEndWrong',
  correlationId: operationId,
  operationId,
  actor: { name: 'OpenGallery', objectId: NOBODY, applicationId: NOBODY, tenantId: NOBODY, kind: 'Application' },
})

const pointOf = async (kind: PointKind, from: Pick<Transaction, 'as'>): Promise<SignedPoint> =>
  await from
    .as<ActivityTables>()
    .selectFrom('activity_point')
    .select(['sequence', 'hash', 'signature'])
    .where('kind', '=', kind)
    .executeTakeFirstOrThrow()

const keepPoint = async (kind: PointKind, point: ChainPoint, key: KeyObject, transaction: Transaction) => {
  await transaction
    .as<ActivityTables>()
    .updateTable('activity_point')
    .set(signPoint(kind, point, key))
    .where('kind', '=', kind)
    .execute()
}

const list = async (database: Database, selection: ActivitySelection): Promise<StoredActivity[]> => {
  const { subscriptionId, from, to, correlationId, behind, limit } = selection
  let query = database.as<ActivityTables>().selectFrom('activity_record').select(['sequence', 'record'])
  query =
    subscriptionId === undefined
      ? query.where('subscription', 'is', null)
      : query.where('subscription', '=', subscriptionId.toLowerCase())
  if (from !== undefined) query = query.where('at', '>=', from)
  if (to !== undefined) query = query.where('at', '<=', to)
  if (correlationId !== undefined) query = query.where('correlation', '=', correlationId.toLowerCase())
  if (behind)
    query = query
      .where('at', '<=', behind.at)
      .where(({ eb, or }) => or([eb('at', '<', behind.at), eb('sequence', '<', behind.sequence)]))
  const rows = await query.orderBy('at', 'desc').orderBy('sequence', 'desc').limit(limit).execute()
  return rows.map(({ sequence, record }) => ({ sequence, record: JSON.parse(record) as ActivityRecord }))
}

/** Records are in the order of their numbers, which is that of time but for a clock that was set back: what is younger stays. */
const forget = ({ database, key }: ActivityParts, before: string): Promise<number> =>
  database.transact(async transaction => {
    const rows = transaction.as<ActivityTables>()
    const kept = await rows
      .selectFrom('activity_record')
      .select('sequence')
      .where('at', '>=', before)
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst()
    const last = await rows
      .selectFrom('activity_record')
      .select(['sequence', 'hash'])
      .where('sequence', '<', kept?.sequence ?? Number.MAX_SAFE_INTEGER)
      .orderBy('sequence', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (!last) return 0
    await keepPoint('base', last, key, transaction)
    const { numDeletedRows } = await rows
      .deleteFrom('activity_record')
      .where('sequence', '<=', last.sequence)
      .executeTakeFirst()
    return Number(numDeletedRows)
  })
