import type { Insertable, Selectable } from 'kysely'
import type { Database, Transaction } from '#foundation/database.ts'
import { type BlobTables, blobSchema } from './blob-schema.ts'
import type { BlobAccount } from './blobs.ts'
import type { Stamp } from './etags.ts'
import { storageError } from './storage-error.ts'

export type BlobRow = Selectable<BlobTables['blob']>
export type BlockRow = Selectable<BlobTables['blob_block']>
export type ContainerRow = Selectable<BlobTables['blob_container']>
export interface BlobKey {
  readonly account: string
  readonly container: string
  readonly name: string
}
/** Bytes that a removed row kept: to be given up once the removal is committed. */
export interface Freed {
  readonly holds: readonly { region: string; hold: string }[]
  readonly drafts: readonly { region: string; draft: string }[]
}
/** One block of a committed list; where it lies in the blob follows from the sizes before it. */
export interface CommittedBlock {
  readonly id: string
  readonly sizeBytes: number
}

/**
 * What the endpoint knows. The order of every change: bytes first, then one transaction that makes them reachable and marks what
 * they replace, then the old bytes. A crash in between leaves only bytes that nobody names, never a name without bytes.
 */
export const openBlobTable = async (database: Database) => {
  await database.migrate(blobSchema)
  const tables = database.as<BlobTables>()
  const at = (transaction: Transaction) => transaction.as<BlobTables>()

  const whereBlob = (key: BlobKey) => ({ account: key.account, container: key.container, name: key.name })
  const freed = (rows: readonly Pick<BlobRow, 'region' | 'hold' | 'draft'>[], blocks: readonly BlockRow[]): Freed => ({
    holds: [...rows, ...blocks].flatMap(({ region, hold }) => (hold ? [{ region, hold }] : [])),
    drafts: rows.flatMap(({ region, draft }) => (draft ? [{ region, draft }] : [])),
  })
  const leave = async (transaction: Transaction, { drafts }: Freed) => {
    for (const { draft } of drafts)
      await at(transaction).updateTable('blob_draft').set({ state: 'leaving' }).where('id', '=', draft).execute()
  }
  /** Takes a blob, its block list and (if asked) its uncommitted blocks out. */
  const takeOut = async (transaction: Transaction, key: BlobKey): Promise<Freed> => {
    const t = at(transaction)
    const rows = await t
      .deleteFrom('blob')
      .where(eb => eb.and(whereBlob(key)))
      .returningAll()
      .execute()
    for (const { id } of rows) await t.deleteFrom('blob_block_list').where('id', '=', id).execute()
    const blocks = await t
      .deleteFrom('blob_block')
      .where(eb => eb.and({ account: key.account, container: key.container, blob: key.name }))
      .returningAll()
      .execute()
    const result = freed(rows, blocks)
    await leave(transaction, result)
    return result
  }
  const requireContainer = async (transaction: Transaction, { account, container }: BlobKey) => {
    const query = at(transaction).selectFrom('blob_container').select('name')
    const row = await query.where('account', '=', account).where('name', '=', container).executeTakeFirst()
    if (!row) throw storageError.containerNotFound()
  }

  return {
    tables,
    async account(name: string): Promise<BlobAccount | undefined> {
      const row = await tables.selectFrom('blob_account').selectAll().where('name', '=', name).executeTakeFirst()
      return row && { name: row.name, region: row.region, keys: [row.key1, row.key2] }
    },
    keepAccount: ({ name, region, keys: [key1, key2] }: BlobAccount) =>
      database.transact(async transaction => {
        const query = at(transaction).insertInto('blob_account').values({ name, region, key1, key2 })
        await query.onConflict(c => c.column('name').doUpdateSet({ region, key1, key2 })).execute()
      }),
    changeKeys: ({ name, keys: [key1, key2] }: BlobAccount): Promise<void> =>
      database.transact(async transaction => {
        await at(transaction).updateTable('blob_account').set({ key1, key2 }).where('name', '=', name).execute()
      }),

    container: (account: string, name: string): Promise<ContainerRow | undefined> =>
      tables
        .selectFrom('blob_container')
        .selectAll()
        .where('account', '=', account)
        .where('name', '=', name)
        .executeTakeFirst(),
    createContainer: (row: ContainerRow): Promise<boolean> =>
      database.transact(async transaction => {
        const query = at(transaction)
          .insertInto('blob_container')
          .values(row)
          .onConflict(c => c.doNothing())
        return ((await query.executeTakeFirst()).numInsertedOrUpdatedRows ?? 0n) > 0n
      }),
    setContainerMetadata: (account: string, name: string, metadata: string, stamp: Stamp): Promise<void> =>
      database.transact(async transaction => {
        await at(transaction)
          .updateTable('blob_container')
          .set({ metadata, etag: stamp.etag, modified_ms: stamp.modifiedMs })
          .where('account', '=', account)
          .where('name', '=', name)
          .execute()
      }),
    /** Removes containers of an account (one, or all with the account itself) with every blob in them. */
    removeContainers: (account: string, container?: string): Promise<Freed> =>
      database.transact(async transaction => {
        const t = at(transaction)
        const inIt = container === undefined ? { account } : { account, container }
        const rows = await t
          .deleteFrom('blob')
          .where(eb => eb.and(inIt))
          .returningAll()
          .execute()
        const blocks = await t
          .deleteFrom('blob_block')
          .where(eb => eb.and(inIt))
          .returningAll()
          .execute()
        for (const { id } of rows) await t.deleteFrom('blob_block_list').where('id', '=', id).execute()
        const containers = container === undefined ? { account } : { account, name: container }
        await t
          .deleteFrom('blob_container')
          .where(eb => eb.and(containers))
          .execute()
        if (container === undefined) await t.deleteFrom('blob_account').where('name', '=', account).execute()
        const result = freed(rows, blocks)
        await leave(transaction, result)
        return result
      }),

    blob: (key: BlobKey): Promise<BlobRow | undefined> =>
      tables
        .selectFrom('blob')
        .selectAll()
        .where(eb => eb.and(whereBlob(key)))
        .executeTakeFirst(),
    /** Puts a blob in the place of what was there, uncommitted blocks included. */
    replaceBlob: (row: Insertable<BlobTables['blob']>, blocks?: readonly CommittedBlock[]): Promise<Freed> =>
      database.transact(async transaction => {
        await requireContainer(transaction, row)
        const result = await takeOut(transaction, row)
        const t = at(transaction)
        await t.insertInto('blob').values(row).execute()
        if (row.draft) await t.updateTable('blob_draft').set({ state: 'kept' }).where('id', '=', row.draft).execute()
        if (blocks)
          await t
            .insertInto('blob_block_list')
            .values({ id: row.id, blocks: JSON.stringify(blocks) })
            .execute()
        return result
      }),
    removeBlob: (key: BlobKey): Promise<Freed> => database.transact(transaction => takeOut(transaction, key)),
    /** Changes a blob that is still the one with this id. */
    updateBlob: (id: string, change: Partial<Insertable<BlobTables['blob']>>): Promise<boolean> =>
      database.transact(async transaction => {
        const query = at(transaction).updateTable('blob').set(change).where('id', '=', id)
        return (await query.executeTakeFirst()).numUpdatedRows > 0n
      }),

    async committedBlocks(id: string): Promise<readonly CommittedBlock[]> {
      const query = tables.selectFrom('blob_block_list').select('blocks').where('id', '=', id)
      const row = await query.executeTakeFirst()
      return row ? (JSON.parse(row.blocks) as CommittedBlock[]) : []
    },
    uncommittedBlocks: (key: BlobKey): Promise<BlockRow[]> =>
      tables
        .selectFrom('blob_block')
        .selectAll()
        .where(eb => eb.and({ account: key.account, container: key.container, blob: key.name }))
        .execute(),
    async countBlocks(key: BlobKey): Promise<{ count: number; sample: string | null }> {
      const row = await tables
        .selectFrom('blob_block')
        .select(eb => [eb.fn.countAll<number>().as('count'), eb.fn.min('block').as('sample')])
        .where(eb => eb.and({ account: key.account, container: key.container, blob: key.name }))
        .executeTakeFirstOrThrow()
      return { count: Number(row.count), sample: row.sample }
    },
    /** Keeps a block in the place of one with the same id; answers with the hold of the one it replaced. */
    putBlock: (row: BlockRow): Promise<Freed> =>
      database.transact(async transaction => {
        await requireContainer(transaction, { account: row.account, container: row.container, name: row.blob })
        const t = at(transaction)
        const old = await t
          .deleteFrom('blob_block')
          .where(eb => eb.and({ account: row.account, container: row.container, blob: row.blob, block: row.block }))
          .returningAll()
          .execute()
        await t.insertInto('blob_block').values(row).execute()
        return freed([], old)
      }),
    /** Blocks that nobody put into a list for a long time. */
    removeOldBlocks: (beforeMs: number): Promise<Freed> =>
      database.transact(async transaction => {
        const query = at(transaction).deleteFrom('blob_block').where('created_ms', '<', beforeMs)
        return freed([], await query.returningAll().execute())
      }),

    beginDraft: (id: string, region: string): Promise<void> =>
      database.transact(async transaction => {
        await at(transaction).insertInto('blob_draft').values({ id, region, state: 'arriving' }).execute()
      }),
    forgetDraft: (id: string): Promise<void> =>
      database.transact(async transaction => {
        await at(transaction).deleteFrom('blob_draft').where('id', '=', id).execute()
      }),
    lostDrafts: () => tables.selectFrom('blob_draft').selectAll().where('state', '!=', 'kept').execute(),

    grant: (id: string) => tables.selectFrom('blob_grant').selectAll().where('id', '=', id).executeTakeFirst(),
    keepGrant: (row: Insertable<BlobTables['blob_grant']>): Promise<void> =>
      database.transact(async transaction => {
        const query = at(transaction).insertInto('blob_grant').values(row)
        await query.onConflict(c => c.column('id').doUpdateSet(row)).execute()
      }),
    removeGrant: (id: string): Promise<void> =>
      database.transact(async transaction => {
        await at(transaction).deleteFrom('blob_grant').where('id', '=', id).execute()
      }),
  }
}
export type BlobTable = Awaited<ReturnType<typeof openBlobTable>>
