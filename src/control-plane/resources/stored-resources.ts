import type { Insertable, Kysely } from 'kysely'
import type { Database, Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from './resource-document.ts'
import { DocumentChanged, type Page, type Resources, type Selection } from './resources.ts'

interface ResourceRow {
  key: string
  type: string
  parent_key: string
  group_key: string | null
  subscription_id: string | null
  /** Order among siblings, made unique and stable by the key behind it. */
  sort_key: string
  version: number
  document: string
}
interface Tables {
  resource: ResourceRow
}

const schema = [
  `create table if not exists resource (
    key text primary key, type text not null, parent_key text not null, group_key text, subscription_id text,
    sort_key text not null, version integer not null, document text not null)`,
  'create index if not exists resource_in_parent on resource (parent_key, type, sort_key)',
  'create index if not exists resource_in_group on resource (group_key, type, sort_key)',
  'create index if not exists resource_of_type on resource (type, sort_key)',
  'create index if not exists resource_in_subscription on resource (subscription_id, type, sort_key)',
]

const PAGE_LIMIT = 10_000

/** The documents in the metadata database: one row each, the document as JSON text beside the columns that find it. */
export const openResources = async (database: Database): Promise<Resources> => {
  await database.migrate(schema)
  const tables = database.as<Tables>()

  const find = async (key: string, from: Kysely<Tables> = tables) => {
    const row = await from.selectFrom('resource').select('document').where('key', '=', key).executeTakeFirst()
    return row && parse(row.document)
  }

  const update = async (transaction: Transaction, document: ResourceDocument): Promise<ResourceDocument> => {
    const next = { ...document, version: document.version + 1 }
    const { numUpdatedRows } = await transaction
      .as<Tables>()
      .updateTable('resource')
      .set({ document: JSON.stringify(next), version: next.version })
      .where('key', '=', document.key)
      .where('version', '=', document.version)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new DocumentChanged(document.key)
    return next
  }

  return {
    find: (key, transaction) => find(key, transaction?.as<Tables>()),

    async list(selection, transaction): Promise<Page> {
      const limit = Math.min(selection.limit ?? PAGE_LIMIT, PAGE_LIMIT)
      const from = transaction?.as<Tables>() ?? tables
      let query = select(from, selection).select(['document', 'sort_key', 'key'])
      if (selection.after !== undefined) query = query.where('sort_key', '>', selection.after)
      const rows = await query
        .orderBy('sort_key')
        .limit(limit + 1)
        .execute()
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        documents: shown.map(row => parse(row.document)),
        ...(rows.length > limit && last ? { next: last.sort_key } : {}),
      }
    },

    async count(selection) {
      const row = await select(tables, selection)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return row?.count ?? 0
    },

    async childIds(parentKey, limit, transaction) {
      const rows = await (transaction?.as<Tables>() ?? tables)
        .selectFrom('resource')
        .select('document')
        .where('parent_key', '=', parentKey)
        .orderBy('sort_key')
        .limit(limit)
        .execute()
      return rows.map(row => parse(row.document).id)
    },

    async insert(transaction, document, sortKey) {
      const row: Insertable<ResourceRow> = {
        key: document.key,
        type: document.type.toLowerCase(),
        parent_key: document.parentKey,
        group_key: document.groupKey ?? null,
        subscription_id: document.subscriptionId?.toLowerCase() ?? null,
        sort_key: `${document.parentKey}\n${sortKey ?? document.name.toLowerCase()}\n${document.key}`,
        version: document.version,
        document: JSON.stringify(document),
      }
      const { numInsertedOrUpdatedRows } = await transaction
        .as<Tables>()
        .insertInto('resource')
        .values(row)
        .onConflict(conflict => conflict.column('key').doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows !== 1n) throw new DocumentChanged(document.key)
    },

    update,

    async remove(transaction, key) {
      await transaction.as<Tables>().deleteFrom('resource').where('key', '=', key).execute()
    },

    change: (key, change) =>
      database.transact(async transaction => {
        const document = await find(key, transaction.as<Tables>())
        const changed = document && change(document)
        return changed ? update(transaction, changed) : undefined
      }),
  }
}

const parse = (text: string) => JSON.parse(text) as ResourceDocument

const select = (tables: Kysely<Tables>, selection: Selection) => {
  let query = tables.selectFrom('resource')
  if (selection.type !== undefined) query = query.where('type', '=', selection.type.toLowerCase())
  if (selection.parentKey !== undefined) query = query.where('parent_key', '=', selection.parentKey)
  if (selection.groupKey !== undefined) query = query.where('group_key', '=', selection.groupKey)
  if (selection.subscriptionId !== undefined)
    query = query.where('subscription_id', '=', selection.subscriptionId.toLowerCase())
  return query
}
