import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestGraph } from './test-graph.ts'

const issuer = 'https://ci.example'
let graph: Awaited<ReturnType<typeof startTestGraph>>
before(async () => {
  graph = await startTestGraph({ issuers: [{ issuer, audiences: [], principals: [], federation: true }] })
})
after(() => graph[Symbol.asyncDispose]())

test('a name that is taken is refused in any case, and what has it stays', async () => {
  const { application } = await graph.program('pipeline')
  const path = `/applications/${application.id}/federatedIdentityCredentials`
  const post = (name: string, subject: string) =>
    graph.admin.post(path, { name, issuer, subject, audiences: ['api://AzureADTokenExchange'] })
  assert.equal((await post('main', 'one')).status, 201)
  const twice = await post('Main', 'two')
  assert.deepEqual([twice.status, twice.body.error.code], [400, 'Request_BadRequest'])
  const atOnce = await Promise.all([post('other', 'three'), post('OTHER', 'four')])
  assert.deepEqual(atOnce.map(({ status }) => status).toSorted(), [201, 400])
  const { value } = (await graph.admin.get(path)).body
  assert.deepEqual(value.length, 2)
  assert.equal((await graph.admin.get(`${path}/main`)).body.subject, 'one')
})
