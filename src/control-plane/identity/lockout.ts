import type { Kysely } from 'kysely'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { IdentityTables } from './identity-tables.ts'

/** Somebody or somewhere that guesses are counted for, and how many are free before it is locked. */
export interface Subject {
  readonly key: string
  readonly freeGuesses: number
}

/**
 * Counts wrong guesses in the database, so that a restart frees nobody. A guess is counted before it is checked and taken back when
 * it was right: guesses sent side by side can't all slip through before the first one fails.
 */
export interface Lockout {
  /** Counts a guess for each subject, or says until when one of them is locked; then nothing is counted. */
  admit(subjects: readonly Subject[]): Promise<Date | undefined>
  /** The guess was right: forgets the first subject's guesses, and takes this one back from the others. */
  forgive(subjects: readonly Subject[]): Promise<void>
}

const firstLockMs = 60_000
const longestLockMs = 3600_000
const forgetAfterMs = 24 * 3600_000
const maxRows = 20_000

/** One minute at first, twice as long after each further wrong guess, at most an hour. */
const lockMs = (failures: number, freeGuesses: number): number =>
  failures < freeGuesses ? 0 : Math.min(longestLockMs, firstLockMs * 2 ** (failures - freeGuesses))

export const openLockout = ({ database, clock }: { database: Database; clock: Clock }): Lockout => {
  const now = () => clock.now().getTime()
  return {
    admit: subjects =>
      database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const rows = await tables
          .selectFrom('identity_lockout')
          .selectAll()
          .where(
            'subject',
            'in',
            subjects.map(subject => subject.key),
          )
          .execute()
        const lockedUntil = Math.max(0, ...rows.map(row => row.locked_until))
        if (lockedUntil > now()) return new Date(lockedUntil)
        for (const { key, freeGuesses } of subjects) {
          const row = rows.find(row => row.subject === key)
          const isOld = !row || row.last_failure < now() - forgetAfterMs
          const failures = isOld ? 1 : row.failures + 1
          const values = { failures, locked_until: now() + lockMs(failures, freeGuesses), last_failure: now() }
          await tables
            .insertInto('identity_lockout')
            .values({ subject: key, ...values })
            .onConflict(conflict => conflict.column('subject').doUpdateSet(values))
            .execute()
        }
        await prune(tables, now())
        return undefined
      }),
    async forgive([first, ...others]) {
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        if (first) await tables.deleteFrom('identity_lockout').where('subject', '=', first.key).execute()
        for (const { key } of others)
          await tables
            .updateTable('identity_lockout')
            .set(row => ({ failures: row('failures', '-', 1), locked_until: 0 }))
            .where('subject', '=', key)
            .where('failures', '>', 0)
            .execute()
      })
    },
  }
}

/** A made-up name costs a row: old rows go after a day, and the oldest go when there are very many. */
const prune = async (tables: Kysely<IdentityTables>, nowMs: number): Promise<void> => {
  await tables
    .deleteFrom('identity_lockout')
    .where('last_failure', '<', nowMs - forgetAfterMs)
    .execute()
  const { count } = await tables
    .selectFrom('identity_lockout')
    .select(row => row.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (count <= maxRows) return
  const oldest = tables
    .selectFrom('identity_lockout')
    .select('subject')
    .orderBy('last_failure')
    .limit(count - maxRows)
  await tables.deleteFrom('identity_lockout').where('subject', 'in', oldest).execute()
}
