import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Database } from '#foundation/database.ts'
import { type ChainPoint, GENESIS, isPointSigned, type PointKind, publicKeyOf, signPoint } from './activity-chain.ts'
import type { ActivityTables } from './activity-tables.ts'

/**
 * A new log has both its ends at the beginning. Where an end of an older one is missing, wrongly signed or not where the records end,
 * somebody was here: the log goes on behind its last record all the same, and which ends were wrong is answered.
 */
export const settleEnds = (database: Database, key: KeyObject): Promise<readonly PointKind[]> =>
  database.transact(async transaction => {
    const rows = transaction.as<ActivityTables>()
    const points = await rows.selectFrom('activity_point').selectAll().execute()
    const last = await lastRecord(rows)
    const publicKey = publicKeyOf(key)
    const wrong: PointKind[] = []
    for (const kind of ['base', 'head'] as const) {
      const found = points.find(point => point.kind === kind)
      const isSigned = found !== undefined && isPointSigned(kind, found, publicKey)
      const right: ChainPoint = (kind === 'head' ? last : undefined) ?? (isSigned ? found : GENESIS)
      if (isSigned && found.sequence === right.sequence && found.hash === right.hash) continue
      if (points.length > 0 || last) wrong.push(kind)
      await rows
        .replaceInto('activity_point')
        .values({ kind, ...signPoint(kind, right, key) })
        .execute()
    }
    return wrong
  })

const lastRecord = (rows: Kysely<ActivityTables>): Promise<ChainPoint | undefined> =>
  rows
    .selectFrom('activity_record')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
