import type { Kysely } from 'kysely'
import type { Database, Transaction } from '#foundation/database.ts'
import type { Operation, OperationError, OperationStatus } from './operations.ts'

interface OperationRow {
  id: string
  kind: string
  subject: string
  status: OperationStatus
  percent: number
  input: string
  output: string | null
  error: string | null
  labels: string
  start_time: string
  end_time: string | null
  cancel_requested: number
}
interface StepRow {
  operation_id: string
  name: string
  output: string
}
interface Tables {
  operation: OperationRow
  operation_step: StepRow
}

const schema = [
  `create table if not exists operation (
    id text primary key, kind text not null, subject text not null, status text not null, percent integer not null,
    input text not null, output text, error text, labels text not null, start_time text not null, end_time text,
    cancel_requested integer not null default 0)`,
  `create unique index if not exists operation_unfinished on operation (subject) where status = 'InProgress'`,
  'create index if not exists operation_ended on operation (end_time) where end_time is not null',
  `create table if not exists operation_step (
    operation_id text not null references operation (id) on delete cascade, name text not null, output text not null,
    primary key (operation_id, name))`,
]

/** How an operation ends: the columns that change. */
export interface Ending {
  readonly status: Exclude<OperationStatus, 'InProgress'>
  readonly output?: unknown
  readonly error?: OperationError
}

/** The records of all operations and of their finished steps. */
export interface OperationJournal {
  insert(transaction: Transaction, operation: Operation): Promise<boolean>
  find(id: string): Promise<Operation | undefined>
  active(subject: string): Promise<Operation | undefined>
  unfinished(): Promise<{ operation: Operation; cancelRequested: boolean }[]>
  requestCancel(id: string): Promise<void>
  report(id: string, percentComplete: number): Promise<void>
  end(transaction: Transaction, id: string, ending: Ending, endTime: string): Promise<void>
  steps(id: string): Promise<Map<string, unknown>>
  keepStep(id: string, name: string, output: unknown): Promise<void>
  /** Forgets operations that ended before that time. */
  forget(endedBefore: string): Promise<void>
}

export const openJournal = async (database: Database): Promise<OperationJournal> => {
  await database.migrate(schema)
  const tables = database.as<Tables>()
  const findWhere = async (narrow: (query: ReturnType<typeof all>) => ReturnType<typeof all>) => {
    const row = await narrow(all(tables)).executeTakeFirst()
    return row && toOperation(row)
  }
  return {
    async insert(transaction, operation) {
      const { numInsertedOrUpdatedRows } = await transaction
        .as<Tables>()
        .insertInto('operation')
        .values(toRow(operation))
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },
    find: id => findWhere(query => query.where('id', '=', id)),
    active: subject => findWhere(query => query.where('subject', '=', subject).where('status', '=', 'InProgress')),
    async unfinished() {
      const rows = await all(tables).where('status', '=', 'InProgress').orderBy('start_time').execute()
      return rows.map(row => ({ operation: toOperation(row), cancelRequested: row.cancel_requested === 1 }))
    },
    async requestCancel(id) {
      await tables.updateTable('operation').set({ cancel_requested: 1 }).where('id', '=', id).execute()
    },
    async report(id, percentComplete) {
      await tables
        .updateTable('operation')
        .set({ percent: percentComplete })
        .where('id', '=', id)
        .where('status', '=', 'InProgress')
        .execute()
    },
    async end(transaction, id, ending, endTime) {
      const rows = transaction.as<Tables>()
      await rows
        .updateTable('operation')
        .set({
          status: ending.status,
          percent: 100,
          output: ending.output === undefined ? null : JSON.stringify(ending.output),
          error: ending.error === undefined ? null : JSON.stringify(ending.error),
          end_time: endTime,
        })
        .where('id', '=', id)
        .where('status', '=', 'InProgress')
        .execute()
      await rows.deleteFrom('operation_step').where('operation_id', '=', id).execute()
    },
    async steps(id) {
      const rows = await tables.selectFrom('operation_step').selectAll().where('operation_id', '=', id).execute()
      return new Map(rows.map(row => [row.name, JSON.parse(row.output) as unknown]))
    },
    async keepStep(id, name, output) {
      await tables
        .insertInto('operation_step')
        .values({ operation_id: id, name, output: JSON.stringify(output ?? null) })
        .onConflict(conflict => conflict.doNothing())
        .execute()
    },
    async forget(endedBefore) {
      await tables.deleteFrom('operation').where('end_time', '<', endedBefore).execute()
    },
  }
}

const all = (tables: Kysely<Tables>) => tables.selectFrom('operation').selectAll()

const toOperation = (row: OperationRow): Operation => ({
  id: row.id,
  kind: row.kind,
  subject: row.subject,
  input: JSON.parse(row.input),
  status: row.status,
  percentComplete: row.percent,
  ...(row.output === null ? {} : { output: JSON.parse(row.output) }),
  ...(row.error === null ? {} : { error: JSON.parse(row.error) as OperationError }),
  startTime: row.start_time,
  ...(row.end_time === null ? {} : { endTime: row.end_time }),
  labels: JSON.parse(row.labels),
})

const toRow = (operation: Operation): OperationRow => ({
  id: operation.id,
  kind: operation.kind,
  subject: operation.subject,
  status: operation.status,
  percent: operation.percentComplete,
  input: JSON.stringify(operation.input ?? null),
  output: null,
  error: null,
  labels: JSON.stringify(operation.labels),
  start_time: operation.startTime,
  end_time: null,
  cancel_requested: 0,
})
