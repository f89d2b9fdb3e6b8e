import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqlite } from '#foundation/database.ts'
import type { ResourceDocument } from './resource-document.ts'
import { DocumentChanged } from './resources.ts'
import { openResources } from './stored-resources.ts'

const document = (name: string, more: Partial<ResourceDocument> = {}): ResourceDocument => ({
  id: `/subscriptions/S/things/${name}`,
  key: `/subscriptions/s/things/${name.toLowerCase()}`,
  type: 'Test/things',
  name,
  parentKey: '/subscriptions/s',
  subscriptionId: 'S',
  envelope: {},
  properties: {},
  provisioningState: 'Succeeded',
  hidden: {},
  systemData: {
    createdBy: 'me',
    createdByType: 'User',
    createdAt: '',
    lastModifiedBy: 'me',
    lastModifiedByType: 'User',
    lastModifiedAt: '',
  },
  uid: name,
  etag: 'e',
  version: 1,
  ...more,
})

const open = async (...documents: ResourceDocument[]) => {
  const database = openSqlite(':memory:')
  const resources = await openResources(database)
  for (const one of documents)
    await database.transact(transaction =>
      resources.insert(transaction, one, /^\d+$/.test(one.name) ? one.name.padStart(10, '0') : undefined),
    )
  return { database, resources }
}

test('of two writers who read the same version one is told', async () => {
  const { database, resources } = await open(document('a'))
  const read = await resources.find(document('a').key)
  assert.ok(read)
  const saved = await database.transact(transaction => resources.update(transaction, { ...read, etag: 'f' }))
  assert.equal(saved.version, 2)
  await assert.rejects(
    database.transact(transaction => resources.update(transaction, read)),
    DocumentChanged,
  )
  await assert.rejects(
    database.transact(transaction => resources.insert(transaction, read)),
    DocumentChanged,
  )
})

test('siblings come in the order of their sort keys, page by page', async () => {
  const { resources } = await open(...['9', '10', '100', '2'].map(name => document(name)))
  const first = await resources.list({ parentKey: '/subscriptions/s', type: 'test/THINGS', limit: 3 })
  assert.deepEqual(
    first.documents.map(({ name }) => name),
    ['2', '9', '10'],
  )
  assert.ok(first.next)
  const second = await resources.list({ parentKey: '/subscriptions/s', type: 'Test/things', after: first.next })
  assert.deepEqual([second.documents.map(({ name }) => name), second.next], [['100'], undefined])
})

test('a change that meets another writer is made on what that one left', async () => {
  const { resources } = await open(document('a', { hidden: { count: 0 } }))
  const { key } = document('a')
  await Promise.all(
    Array.from({ length: 20 }, () =>
      resources.change(key, current => ({ ...current, hidden: { count: Number(current.hidden.count) + 1 } })),
    ),
  )
  assert.equal((await resources.find(key))?.hidden.count, 20)
})
