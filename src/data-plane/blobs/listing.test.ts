import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqlite } from '#foundation/database.ts'
import type { BlobTables } from './blob-schema.ts'
import { type BlobTable, openBlobTable } from './blob-table.ts'
import { listPage } from './listing.ts'

const rowOf = (name: string) => {
  const bytes = { kind: 'BlockBlob', region: 'eastus', size_bytes: 1, draft: null, manifest: 'm', hold: 'h' } as const
  const times = { etag: 'e', created_ms: 0, modified_ms: 0, sealed_etag: null }
  return { id: name, account: 'a', container: 'c', name, ...bytes, ...times, sequence: 0, metadata: '{}', http: '{}' }
}

test('folders are listed many at a time, in whatever pages, with each name once', async () => {
  const database = openSqlite(':memory:')
  const table = await openBlobTable(database)
  const folders = Array.from({ length: 400 }, (_, index) => `f${String(index).padStart(3, '0')}/`)
  const names = ['a', 'f', ...folders.flatMap(folder => [`${folder}x`, `${folder}y/z`]), 'f200', 'z']
  await database.transact(async transaction => {
    for (const name of names) await transaction.as<BlobTables>().insertInto('blob').values(rowOf(name)).execute()
  })
  let queries = 0
  const selectFrom = ((...from: Parameters<BlobTable['tables']['selectFrom']>) => {
    queries++
    return table.tables.selectFrom(...from)
  }) as BlobTable['tables']['selectFrom']
  const counted = { ...table, tables: { selectFrom } } as BlobTable
  const list = async (max: number): Promise<string[]> => {
    const found: string[] = []
    let after: string | undefined = ''
    while (after !== undefined) {
      const page = await listPage(counted, 'a', 'c', { prefix: '', after, max, include: new Set() }, '/')
      found.push(...page.items.map(item => ('blob' in item ? item.blob.name : item.prefix)))
      after = page.next
    }
    return found
  }
  const expected = ['a', 'f', ...folders, 'f200', 'z'].toSorted()
  assert.deepEqual(await list(5000), expected)
  assert.ok(queries < 30, `${queries} queries`)
  for (const max of [1, 7, 50, 403]) assert.deepEqual(await list(max), expected)
  await database.close()
})
