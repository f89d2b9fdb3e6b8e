import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import { TENANT, type TestArm } from '../support/test-arm.ts'

/** How to make one resource of a type: the contract suite does the rest. */
export interface Sample {
  /** As registered. */
  readonly type: string
  /** Makes what the resource lies in and what it refers to; returns the path of the collection it goes into. */
  prepare(arm: TestArm): Promise<string>
  /** Two valid names in the order in which a list shows them. */
  readonly names: readonly [string, string]
  body(arm: TestArm): Promise<Record<string, Json>>
  readonly tracked: boolean
  /** What a DELETE of a missing one answers. */
  readonly deleteMissing?: 404
  /** What the PUT of a new one answers; default 201. */
  readonly madeWith?: 202
  /** Actions of the type, to be refused to a stranger. */
  readonly actions?: readonly string[]
}

const STRANGER: Caller = {
  tenantId: TENANT,
  objectId: '99999999-9999-4999-8999-999999999999',
  clientId: '88888888-8888-4888-8888-888888888888',
  displayName: 'stranger',
  kind: 'User',
}

/** Drives a resource type through everything that ARM promises of every type. */
export const driveResourceType = (sample: Sample, start: () => Promise<TestArm>): void => {
  test(`${sample.type} keeps ARM's promises`, async context => {
    const arm = await start()
    context.after(() => arm.close())
    const collection = await sample.prepare(arm)
    const [first, second] = sample.names
    const path = `${collection}/${first}`
    const body = await sample.body(arm)

    await context.test('a missing one is a 404, and gone already', async () => {
      const missing = await arm.send('GET', path)
      assert.deepEqual(
        [missing.status, missing.body.error.code],
        [404, sample.deleteMissing ? 'ResourceGroupNotFound' : 'ResourceNotFound'],
      )
      assert.equal((await arm.send('HEAD', path)).status, 404)
      assert.equal((await arm.send('DELETE', path)).status, sample.deleteMissing ?? 204)
      assert.equal((await arm.send('PATCH', path, {})).status, 404)
    })

    await context.test('a stranger may do nothing', async () => {
      const stranger = arm.as(STRANGER)
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'] as const)
        assert.equal((await stranger.send(method, path, method === 'PUT' ? body : {})).status, 403, method)
      for (const action of sample.actions ?? [])
        assert.equal((await stranger.send('POST', `${path}/${action}`, {})).status, 403, action)
      assert.equal((await stranger.send('GET', collection)).status, 403)
    })

    await context.test('it is made, and found in any case and with any slashes', async () => {
      const made = await arm.send('PUT', path, body)
      assert.equal(made.status, sample.madeWith ?? 201, JSON.stringify(made.body))
      assert.ok(['Creating', 'Succeeded'].includes(made.body.properties.provisioningState))
      if (made.body.properties.provisioningState === 'Creating')
        assert.match(made.headers['azure-asyncoperation'] ?? '', /^https:/)
      await settle(arm, path)
      const found = await arm.send('GET', path)
      assert.equal(found.body.properties.provisioningState, 'Succeeded', JSON.stringify(found.body))
      assert.deepEqual([found.body.name, found.body.type], [first, sample.type])
      assert.ok(found.headers.etag)
      for (const spelling of [path.toUpperCase(), `${path}/`, path.replace('/providers/', '//providers/')])
        assert.equal((await arm.send('GET', spelling)).body.id, found.body.id, spelling)
      assert.equal((await arm.send('HEAD', path)).status, 204)
    })

    await context.test('what GET gave can be put back and changes nothing', async () => {
      const before = await arm.send('GET', path)
      const again = await arm.complete('PUT', path, before.body)
      assert.equal(again.status, 200, JSON.stringify(again.body))
      const after = await arm.send('GET', path)
      assert.deepEqual(propertiesOf(after), propertiesOf(before))
      assert.notEqual(after.headers.etag, before.headers.etag)
    })

    await context.test('preconditions hold', async () => {
      const { headers } = await arm.send('GET', path)
      const put = (precondition: Record<string, string>) => arm.complete('PUT', path, body, {}, precondition)
      assert.equal((await put({ 'if-none-match': '*' })).status, 412)
      assert.equal((await put({ 'if-match': '"old"' })).status, 412)
      assert.equal((await arm.send('DELETE', path, undefined, {}, { 'if-match': '"old"' })).status, 412)
      assert.equal((await arm.send('GET', path, undefined, {}, { 'if-none-match': headers.etag ?? '' })).status, 304)
      assert.equal((await put({ 'if-match': headers.etag ?? '' })).status, 200)
      assert.equal((await arm.send('PUT', `${path}x`, body, {}, { 'if-match': '*' })).status, 412)
    })

    await context.test('bad bodies are refused and nothing is lost', async () => {
      const before = await arm.send('GET', path)
      const refused = async (bad: Json | undefined, code: string) => {
        const answer = await arm.send('PUT', path, bad)
        assert.deepEqual([answer.status >= 400 && answer.status < 500, answer.body.error.code], [true, code])
      }
      await refused(undefined, 'MissingRequestBody')
      await refused(['x'], 'InvalidRequestContent')
      await refused({ ...body, notAMember: 1 }, 'BadRequest')
      await refused({ ...body, properties: { ...(body.properties as object), notAMember: 1 } }, 'BadRequest')
      await refused({ ...body, properties: 'x' }, 'BadRequest')
      if (sample.tracked) {
        await refused({ ...body, tags: { a: 1 } }, 'BadRequest')
        await refused(
          { ...body, tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ''])) },
          'InvalidTags',
        )
        await refused({ ...body, location: 'atlantis' }, 'LocationNotAvailableForResourceType')
        await refused(
          { ...body, location: 'southeastasia' },
          sample.deleteMissing ? 'InvalidResourceGroupLocation' : 'InvalidResourceLocation',
        )
      }
      assert.deepEqual((await arm.send('GET', path)).body, before.body)
    })

    if (sample.tracked)
      await context.test('a PATCH of tags touches nothing else', async () => {
        const before = await arm.send('GET', path)
        const patched = await arm.complete('PATCH', path, { tags: { env: 'test' } })
        assert.equal(patched.status, 200, JSON.stringify(patched.body))
        const after = await arm.send('GET', path)
        assert.deepEqual(after.body.tags, { env: 'test' })
        assert.deepEqual(propertiesOf(after), propertiesOf(before))
      })

    await context.test('lists show members in order, in pages when asked', async () => {
      assert.ok((await arm.complete('PUT', `${collection}/${second}`, await sample.body(arm))).status < 300)
      const names = (answer: { body: { value: { name: string }[] } }) => answer.body.value.map(({ name }) => name)
      const all = await arm.send('GET', collection)
      assert.deepEqual(
        names(all).filter(name => name === first || name === second),
        [first, second],
      )
      assert.equal(all.body.nextLink, undefined)
      const page = await arm.send('GET', collection, undefined, { $top: '1' })
      assert.equal(page.body.value.length, 1)
      const token = new URL(page.body.nextLink).searchParams.get('$skiptoken') ?? ''
      const next = await arm.send('GET', new URL(page.body.nextLink).pathname, undefined, { $skiptoken: token })
      assert.deepEqual([...names(page), ...names(next)], names(all))
      assert.equal((await arm.send('GET', collection, undefined, { $top: 'x' })).status, 400)
    })

    await context.test('it is deleted, and is gone', async () => {
      for (const name of sample.names) {
        const deleted = await arm.complete('DELETE', `${collection}/${name}`)
        assert.ok([200, 204].includes(deleted.status), JSON.stringify(deleted.body))
        assert.equal((await arm.send('GET', `${collection}/${name}`)).status, 404)
      }
      assert.equal((await arm.send('DELETE', path)).status, sample.deleteMissing ?? 204)
    })
  })
}

/** Nested resources that stand in the properties have their parent's etag, and change it with every write. */
const propertiesOf = ({ body }: { body: { properties: object } }) =>
  JSON.parse(JSON.stringify(body.properties, (name, value) => (name === 'etag' ? undefined : value)))

const settle = async (arm: TestArm, path: string): Promise<void> => {
  const { body } = await arm.send('GET', path)
  const active = await arm.operations.active(body.id.toLowerCase())
  if (active) await arm.operations.settled(active.id)
}
