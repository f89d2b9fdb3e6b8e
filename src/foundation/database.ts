import * as fs from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Kysely, type Transaction as KyselyTransaction, type SqliteDatabase, SqliteDialect, sql } from 'kysely'

/**
 * The metadata database: one Kysely over every owner's tables. Each owner declares its own row types and asks for a view of the
 * tables it knows with `database.as<Tables>()`; a transaction crosses owners, so that a resource and the operation that works
 * on it are saved in one commit.
 */
export interface Database {
  /** The tables that the caller knows, outside of any transaction. */
  as<Tables>(): Kysely<Tables>
  /**
   * Runs `work` in one durable transaction (fsync before it resolves). The only connection is held meanwhile: await nothing but
   * queries in there. `work` may run again when another writer came first, so it must have no effect but its queries.
   */
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Makes the owner's tables if they are not there: statements of `create table if not exists`. */
  migrate(statements: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface Transaction {
  as<Tables>(): Kysely<Tables>
  /** Runs once everything that the transaction wrote is durable, before `transact` resolves; not at all when it rolls back. */
  afterCommit(work: () => void): void
}

/** node:sqlite in the shape that Kysely's SQLite dialect expects, with prepared statements kept. */
const adapt = (database: DatabaseSync): SqliteDatabase => {
  const prepared = new Map<string, StatementSync>()
  const prepare = (text: string) => {
    const known = prepared.get(text)
    if (known) return known
    if (prepared.size > 500) prepared.clear()
    const made = database.prepare(text)
    prepared.set(text, made)
    return made
  }
  return {
    close: () => database.close(),
    prepare: text => {
      const statement = prepare(text)
      type Parameters = Parameters_[]
      return {
        reader: statement.columns().length > 0,
        all: values => statement.all(...(values as Parameters)),
        run: values => statement.run(...(values as Parameters)),
        iterate: values => statement.iterate(...(values as Parameters)) as IterableIterator<unknown>,
      }
    },
  }
}
type Parameters_ = null | number | bigint | string | Uint8Array

/** Opens or creates the SQLite file; `':memory:'` for tests. WAL with synchronous=FULL: a commit is on the disk when it resolves. */
export const openSqlite = (file: string): Database => {
  // SQLite makes its files as readable as the umask allows, and the -wal and -shm files like the first one: keys and hashes lie in it.
  if (file !== ':memory:') fs.closeSync(fs.openSync(file, 'a', 0o600))
  const raw = new DatabaseSync(file)
  raw.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000; pragma foreign_keys = on')
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: adapt(raw) }) })
  const as =
    (from: Kysely<unknown> | KyselyTransaction<unknown>) =>
    <Tables>() =>
      from as unknown as Kysely<Tables>
  return {
    as: as(kysely),
    async transact(work) {
      let later: (() => void)[] = []
      const result = await kysely.transaction().execute(transaction => {
        later = []
        return work({ as: as(transaction), afterCommit: work => void later.push(work) })
      })
      for (const work of later) work()
      return result
    },
    async migrate(statements) {
      for (const statement of statements) await sql.raw(statement).execute(kysely)
    },
    close: () => kysely.destroy(),
  }
}
