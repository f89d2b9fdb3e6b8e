import type { Database, Transaction } from '#foundation/database.ts'
import { type AccessRecord, type Assignment, type CustomRole, keyOf, scopeKeyOf, uniqueKeyOf } from './access-record.ts'

interface Tables {
  access_record: {
    key: string
    kind: AccessRecord['kind']
    unique_key: string
    scope_key: string
    /** The role that an assignment gives. */
    role: string | null
    record: string
  }
}

const schema = [
  `create table if not exists access_record (key text primary key, kind text not null, unique_key text not null unique,
    scope_key text not null, role text, record text not null)`,
  'create index if not exists access_record_scope on access_record (scope_key)',
  'create index if not exists access_record_role on access_record (role)',
]

/** Another record says the same under another name. */
export class RecordExists extends Error {
  override readonly name = 'RecordExists'
  readonly existing: AccessRecord
  constructor(existing: AccessRecord) {
    super(`${keyOf(existing)} is there already.`)
    this.existing = existing
  }
}

/** The records of access in the metadata database, and word of each change once it is committed. */
export interface AccessStore {
  all(): Promise<AccessRecord[]>
  find(transaction: Transaction, key: string): Promise<AccessRecord | undefined>
  /** Saves it over what has its key. Throws `RecordExists` when another one has what must be unique. */
  put(transaction: Transaction, record: AccessRecord): Promise<void>
  remove(transaction: Transaction, record: AccessRecord): Promise<void>
  /** Removes what hangs on a scope or below it. */
  removeScope(transaction: Transaction, scopeKey: string): Promise<void>
  /** Who has a role, as the transaction sees it. */
  assignmentsOf(transaction: Transaction, role: string, tenantId: string): Promise<Assignment[]>
  /** A custom role, as the transaction sees it. */
  findRole(transaction: Transaction, tenantId: string, name: string): Promise<CustomRole | undefined>
}

export interface Follower {
  saved(record: AccessRecord): void
  removed(record: AccessRecord): void
}

export const openAccessStore = async (database: Database, follower: Follower): Promise<AccessStore> => {
  await database.migrate(schema)
  const parse = ({ record }: { record: string }) => JSON.parse(record) as AccessRecord
  const tableOf = (transaction: Transaction) => transaction.as<Tables>()
  return {
    async all() {
      const rows = await database.as<Tables>().selectFrom('access_record').select('record').execute()
      return rows.map(parse)
    },
    async find(transaction, key) {
      const query = tableOf(transaction).selectFrom('access_record').select('record').where('key', '=', key)
      const row = await query.executeTakeFirst()
      return row && parse(row)
    },
    async put(transaction, record) {
      const key = keyOf(record)
      const unique_key = uniqueKeyOf(record)
      const same = await tableOf(transaction)
        .selectFrom('access_record')
        .select('record')
        .where('unique_key', '=', unique_key)
        .where('key', '!=', key)
        .executeTakeFirst()
      if (same) throw new RecordExists(parse(same))
      const values = {
        unique_key,
        scope_key: scopeKeyOf(record),
        role: record.kind === 'assignment' ? record.role : null,
        record: JSON.stringify(record),
      }
      await tableOf(transaction)
        .insertInto('access_record')
        .values({ key, kind: record.kind, ...values })
        .onConflict(conflict => conflict.column('key').doUpdateSet(values))
        .execute()
      transaction.afterCommit(() => follower.saved(record))
    },
    async remove(transaction, record) {
      await tableOf(transaction).deleteFrom('access_record').where('key', '=', keyOf(record)).execute()
      transaction.afterCommit(() => follower.removed(record))
    },
    async removeScope(transaction, scopeKey) {
      const rows = await tableOf(transaction)
        .deleteFrom('access_record')
        .where(({ eb, and, or }) =>
          or([
            eb('scope_key', '=', scopeKey),
            and([eb('scope_key', '>=', `${scopeKey}/`), eb('scope_key', '<', `${scopeKey}0`)]), // '0' comes after '/'
          ]),
        )
        .returning('record')
        .execute()
      const gone = rows.map(parse)
      if (gone.length > 0) transaction.afterCommit(() => gone.forEach(record => void follower.removed(record)))
    },
    async assignmentsOf(transaction, role, tenantId) {
      const query = tableOf(transaction).selectFrom('access_record').select('record').where('role', '=', role)
      const found = (await query.execute()).map(parse) as Assignment[]
      return found.filter(assignment => assignment.tenantId === tenantId)
    },
    async findRole(transaction, tenantId, name) {
      const query = tableOf(transaction).selectFrom('access_record').select('record')
      const row = await query.where('key', '=', `${tenantId} role ${name}`).executeTakeFirst()
      return row && (parse(row) as CustomRole)
    },
  }
}
