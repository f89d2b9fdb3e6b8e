import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testClientCertificate } from '#identity/test-client-certificate.ts'
import { startTestGraph } from './test-graph.ts'

let graph: Awaited<ReturnType<typeof startTestGraph>>
before(async () => {
  graph = await startTestGraph()
})
after(() => graph[Symbol.asyncDispose]())

const first = '01234567-89ab-4cde-8f01-23456789abcd'
const second = '11234567-89ab-4cde-8f01-23456789abcd'
const key = (keyId = first, more: object = {}) => ({
  keyId,
  key: Buffer.from(testClientCertificate().pem).toString('base64'),
  ...more,
})
const bad = { key: Buffer.from('no certificate').toString('base64') }

const keysOf = async (path: string) => (await graph.admin.get(path)).body.keyCredentials

test('an application whose certificate is refused is not registered', async () => {
  const { admin } = graph
  const post = () => admin.post('/applications', { displayName: 'refused', keyCredentials: [bad] })
  assert.equal((await post()).status, 400)
  assert.deepEqual((await admin.get("/applications?$filter=displayName eq 'refused'")).body.value, [])
  const made = await admin.post('/applications', { displayName: 'made', keyCredentials: [key()] })
  assert.deepEqual([made.status, made.body.keyCredentials[0].keyId], [201, first])
})

for (const collection of ['applications', 'servicePrincipals'] as const)
  test(`of ${collection}: certificates of which one is refused change nothing, and nor does what came with them`, async () => {
    const { admin, program } = graph
    const { application, principal } = await program(`kept by ${collection}`)
    const path = `/${collection}/${collection === 'applications' ? application.id : principal.id}`
    const one = key(first, { displayName: 'one' })
    assert.equal((await admin.patch(path, { keyCredentials: [one] })).status, 204)
    const kept = await keysOf(path)
    const shown = kept[0]
    const later = '2031-01-01T00:00:00Z'
    const refused: Record<string, object[]> = {
      'a new one is no certificate': [key(second), bad],
      'there is no such one to keep': [{ keyId: second, key: null }],
      'two have one id': [key(second), key(second)],
      'one comes under two ids': [shown, { ...one, keyId: second }],
      'another key under a known id': [key(first)],
      'another name under a known id': [{ ...shown, displayName: 'two' }],
      'another start under a known id': [{ ...shown, startDateTime: later }],
      'another end under a known id': [{ ...shown, endDateTime: later }],
    }
    for (const [what, keyCredentials] of Object.entries(refused)) {
      assert.equal((await admin.patch(path, { displayName: 'changed', keyCredentials })).status, 400, what)
      assert.deepEqual(await keysOf(path), kept, what)
    }
    assert.equal((await admin.get(path)).body.displayName, `kept by ${collection}`)
  })

test('the same certificate may come back under another id', async () => {
  const { admin, program } = graph
  const { application } = await program('renamed')
  const one = key()
  await admin.patch(`/applications/${application.id}`, { keyCredentials: [one] })
  const again = { ...one, keyId: second }
  assert.equal((await admin.patch(`/applications/${application.id}`, { keyCredentials: [again] })).status, 204)
  const shown = await keysOf(`/applications/${application.id}`)
  assert.deepEqual(
    shown.map(({ keyId }: { keyId: string }) => keyId),
    [second],
  )
})
