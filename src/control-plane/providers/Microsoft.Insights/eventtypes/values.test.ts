import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { verifyChain } from '#activity/verify-chain.ts'
import type { Caller } from '#arm/resource-type.ts'
import {
  OWNER,
  SUBSCRIPTION,
  startTestArm,
  type TestAnswer,
  type TestArm,
} from '../../../../../test/support/test-arm.ts'

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus'] })
})
after(() => arm?.close())

const VALUES = 'providers/microsoft.insights/eventTypes/management/values'
const START = "eventTimestamp ge '2025-12-31T00:00:00Z'"
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/Activity`
const STRANGER: Caller = { ...OWNER, objectId: 'stranger', clientId: 'stranger-app', displayName: 'stranger-app' }

const ask = (filter: string | undefined, more: Record<string, string> = {}, caller = OWNER): Promise<TestAnswer> =>
  arm.as(caller).send('GET', VALUES, undefined, {
    'api-version': '2015-04-01',
    ...(filter === undefined ? {} : { $filter: filter }),
    ...more,
  })

// biome-ignore lint/suspicious/noExplicitAny: read as a client without types does
const events = async (filter: string): Promise<any[]> => (await ask(`${START} and ${filter}`)).body.value

/** What was done to a resource, oldest first. */
const told = async (resource: string): Promise<string[]> =>
  (await events(`resourceUri eq '${resource}'`))
    .toReversed()
    .map(event => `${event.operationName.value} ${event.status.value} ${event.subStatus.value}`.trim())

test('a write is told in the commit that makes it, in the shape of Azure’s events', async () => {
  await arm.send('PUT', GROUP, { location: 'eastus' }, {}, { 'x-ms-correlation-request-id': 'corr-1' })
  const [event] = await events(`resourceGroupName eq 'activity'`)
  assert.deepEqual(
    { ...event, id: '', eventDataId: '', operationId: '' },
    {
      authorization: { action: 'Microsoft.Resources/subscriptions/resourceGroups/write', scope: GROUP },
      caller: 'owner',
      channels: 'Operation',
      claims: {
        appid: OWNER.clientId,
        'http://schemas.microsoft.com/identity/claims/objectidentifier': OWNER.objectId,
        'http://schemas.microsoft.com/identity/claims/tenantid': OWNER.tenantId,
      },
      correlationId: 'corr-1',
      description: '',
      eventDataId: '',
      eventName: { value: 'EndRequest', localizedValue: 'End request' },
      category: { value: 'Administrative', localizedValue: 'Administrative' },
      eventTimestamp: '2026-01-01T00:00:00.000Z',
      id: '',
      level: 'Informational',
      operationId: '',
      operationName: {
        value: 'Microsoft.Resources/subscriptions/resourceGroups/write',
        localizedValue: 'Microsoft.Resources/subscriptions/resourceGroups/write',
      },
      resourceGroupName: 'Activity',
      resourceProviderName: { value: 'Microsoft.Resources', localizedValue: 'Microsoft.Resources' },
      resourceType: {
        value: 'Microsoft.Resources/subscriptions/resourceGroups',
        localizedValue: 'Microsoft.Resources/subscriptions/resourceGroups',
      },
      resourceId: GROUP,
      status: { value: 'Succeeded', localizedValue: 'Succeeded' },
      subStatus: { value: 'Created', localizedValue: 'Created (HTTP Status Code: 201)' },
      submissionTimestamp: '2026-01-01T00:00:00.000Z',
      subscriptionId: SUBSCRIPTION,
      tenantId: OWNER.tenantId,
      httpRequest: { method: 'PUT', uri: `https://127.0.0.1:9443${GROUP}` },
      properties: {
        eventCategory: 'Administrative',
        entity: GROUP,
        message: 'Microsoft.Resources/subscriptions/resourceGroups/write',
        statusCode: 'Created',
      },
      relatedEvents: [],
    },
  )
  assert.equal(event.id, `${GROUP}/events/${event.eventDataId}/ticks/639028224000000000`)
})

test('long work is told when it is accepted and when it ends, under one operation and one correlation', async () => {
  const disk = `${GROUP}/providers/Microsoft.Compute/disks/worked`
  const body = { location: 'eastus', properties: { diskSizeGB: 1, creationData: { createOption: 'Empty' } } }
  await arm.complete('PUT', disk, body)
  await arm.complete('POST', `${disk}/beginGetAccess`, { access: 'Read', durationInSeconds: 60 })
  await arm.complete('POST', `${disk}/endGetAccess`)
  await arm.complete('DELETE', disk)
  assert.deepEqual(await told(disk), [
    'Microsoft.Compute/disks/write Accepted Accepted',
    'Microsoft.Compute/disks/write Succeeded',
    'Microsoft.Compute/disks/beginGetAccess/action Accepted Accepted',
    'Microsoft.Compute/disks/beginGetAccess/action Succeeded',
    'Microsoft.Compute/disks/endGetAccess/action Accepted Accepted',
    'Microsoft.Compute/disks/endGetAccess/action Succeeded',
    'Microsoft.Compute/disks/delete Accepted Accepted',
    'Microsoft.Compute/disks/delete Succeeded',
  ])
  const [end, begin] = await events(`resourceUri eq '${disk}'`)
  assert.deepEqual([end.operationId, end.correlationId, end.caller], [begin.operationId, begin.correlationId, 'owner'])
})

test('what is refused and what fails is told with its code, never with its message; reads are not told', async () => {
  const disk = `${GROUP}/providers/Microsoft.Compute/disks/refused`
  await arm.as(STRANGER).send('PUT', disk, { location: 'eastus', properties: { secret: 'hunter2' } })
  await arm.as(STRANGER).send('DELETE', disk)
  await arm.as(STRANGER).send('POST', `${disk}/beginGetAccess`)
  await arm.send('PUT', disk, { location: 'eastus', properties: { diskSizeGB: 'hunter2' } })
  await arm.send('GET', disk)
  await arm.send('GET', `${GROUP}/providers/Microsoft.Compute/disks`)
  assert.deepEqual(await told(disk), [
    'Microsoft.Compute/disks/write Failed Forbidden',
    'Microsoft.Compute/disks/delete Failed Forbidden',
    'Microsoft.Compute/disks/beginGetAccess/action Failed Forbidden',
    'Microsoft.Compute/disks/write Failed BadRequest',
  ])
  const [last, , , first] = await events(`resourceUri eq '${disk}'`)
  assert.deepEqual(
    [first.caller, first.level, first.properties.statusMessage],
    ['stranger-app', 'Error', '{"error":{"code":"AuthorizationFailed"}}'],
  )
  assert.doesNotMatch(JSON.stringify(last), /hunter2/)
})

test('a delete of nothing, and what is not stored of its own, are told as well', async () => {
  const gone = `${GROUP}/providers/Microsoft.Compute/galleries/never`
  await arm.send('DELETE', gone)
  assert.deepEqual(await told(gone), ['Microsoft.Compute/galleries/delete Succeeded NoContent'])
  const tags = `${GROUP}/providers/Microsoft.Resources/tags/default`
  await arm.send('PUT', tags, { properties: { tags: { a: 'b' } } })
  assert.deepEqual(await told(tags), ['Microsoft.Resources/tags/write Succeeded OK'])
})

test('a preview leaves no trace', async () => {
  const head = await arm.activityLog.head()
  const path = `${GROUP}/providers/Microsoft.Compute/galleries/tried`
  await arm.arm.preview({ method: 'PUT', path, body: { location: 'eastus' }, caller: OWNER, origin: 'https://x' })
  assert.deepEqual(await arm.activityLog.head(), head)
})

test('filters narrow, and one that says nothing usable is refused', async () => {
  const count = async (filter: string) => (await events(filter)).length
  assert.ok((await count(`caller eq 'stranger-app'`)) === 3)
  assert.ok((await count(`caller eq 'stranger-app' and status eq 'Succeeded'`)) === 0)
  assert.equal(await count(`correlationId eq 'CORR-1'`), 1)
  assert.ok((await count(`resourceProvider eq 'microsoft.compute' and eventChannels eq 'Admin, Operation'`)) > 8)
  assert.equal(await count(`eventChannels eq 'Admin'`), 0)
  assert.equal(await count(`eventTimestamp le 2025-12-31T12:00:00.123456`), 0)
  for (const filter of [
    undefined,
    '',
    `status eq 'Failed'`,
    'eventTimestamp ge tomorrow',
    `${START} and ${START}`,
    `${START} or status eq 'Failed'`,
    `${START} and status eq 'Hmm'`,
    `${START} and level eq 'Error'`,
    `${START} and constructor eq 'x'`,
    `${START} and __proto__ eq 'x'`,
  ])
    assert.equal((await ask(filter)).body.error.code, 'BadRequest', filter)
  const { status, body } = await ask(START, { $select: 'caller, eventTimestamp' })
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body.value[0]), ['caller', 'eventTimestamp'])
  assert.equal((await ask(START, { $select: 'secret' })).status, 400)
  assert.equal((await ask(START, { $skiptoken: 'xx' })).status, 400)
})

test('a long log comes page by page, complete and without repetition', async () => {
  await Promise.all(
    Array.from({ length: 450 }, (_, index) =>
      arm.activityLog.record({
        category: 'Administrative',
        action: 'Microsoft.Test/things/write',
        resourceId: `${GROUP}/providers/Microsoft.Test/things/n${index}`,
        status: 'Succeeded',
        correlationId: 'many',
        operationId: 'many',
        actor: { name: 'x', objectId: 'x', applicationId: 'x', tenantId: 'x', kind: 'User' },
      }),
    ),
  )
  const seen: string[] = []
  let query: Record<string, string> = {}
  for (let pages = 1; ; pages++) {
    const { body } = await ask(`${START} and resourceProvider eq 'Microsoft.Test'`, query)
    seen.push(...body.value.map((event: { eventDataId: string }) => event.eventDataId))
    if (!body.nextLink) break
    assert.ok(pages < 10)
    const next = new URL(body.nextLink)
    assert.equal(next.pathname.toLowerCase(), `/subscriptions/${SUBSCRIPTION}/${VALUES}`.toLowerCase())
    query = { $skiptoken: next.searchParams.get('$skipToken') ?? '' }
  }
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, 450)
})

test('who has no right to read it is refused; other kinds of events are not there', async () => {
  assert.equal((await ask(START, {}, STRANGER)).body.error.code, 'AuthorizationFailed')
  const other = await arm.send('GET', VALUES.replace('management', 'digestevents'), undefined, { $filter: START })
  assert.equal(other.body.error.code, 'OperationNotSupported')
  const categories = await arm.arm.send({
    method: 'GET',
    path: '/providers/Microsoft.Insights/eventcategories',
    caller: arm.arm.itself,
    origin: 'https://x',
  })
  assert.equal(categories.status, 200)
})

test('who has a right only to a part of the subscription is shown what happened there', async () => {
  const guest: Caller = { ...OWNER, objectId: 'of-a-group', clientId: 'of-a-group' }
  const other = `/subscriptions/${SUBSCRIPTION}/resourceGroups/other`
  await arm.send('PUT', other, { location: 'eastus' })
  await arm.arm.transact(transaction =>
    arm.access.seedOwner(transaction, { ...guest, principalType: 'ServicePrincipal' }, other),
  )
  const { status, body } = await ask(`${START} and resourceProvider eq 'Microsoft.Resources'`, {}, guest)
  assert.equal(status, 200)
  assert.deepEqual(
    body.value.map((event: { resourceId: string }) => event.resourceId),
    [other],
  )
})

test('all of this is one whole chain', async () => {
  const { activityLog } = arm
  const [base, head] = [await activityLog.base(), await activityLog.head()]
  const { publicKey } = activityLog
  const { faults, records } = await verifyChain(activityLog.chain(), { base, head, publicKey })
  assert.deepEqual(faults, [])
  assert.ok(records > 450)
})
