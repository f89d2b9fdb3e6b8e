import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import { openIdentity } from './identity.ts'

const start = async (database = openSqlite(':memory:')) => {
  const parts = { database, clock: new FakeClock(), random: systemRandom, log: silentLog, origins: () => [] }
  const identity = await openIdentity(parts)
  const { directory, groups } = identity
  const [tenant = await directory.addTenant({ displayName: 'Test' })] = await directory.tenants()
  const { tenantId } = tenant
  const group = async (displayName: string, tenant = tenantId) =>
    (await groups.add(tenant, { displayName, mailNickname: displayName, description: null })).objectId
  const robot = async () => (await directory.addServicePrincipal({ tenantId, displayName: 'Robot' })).objectId
  return { database, directory, groups, tenantId, group, robot }
}

test('a principal is in the groups of its groups, as soon as it is added and no longer than it is a member', async () => {
  const { directory, groups, group, robot, database } = await start()
  const [all, team, other, one] = [await group('all'), await group('team'), await group('other'), await robot()]
  assert.deepEqual(directory.groupsOf(one), [])
  await groups.addMember(all, team)
  await groups.addMember(team, one)
  assert.deepEqual(directory.groupsOf(one.toUpperCase()).toSorted(), [all, team].toSorted())
  assert.deepEqual(directory.groupsOf(team), [all])
  assert.deepEqual(groups.directGroupsOf(one.toUpperCase()), [team])
  await groups.addMember(other, one)
  const again = await start(database)
  assert.deepEqual(again.directory.groupsOf(one).toSorted(), [all, team, other].toSorted(), 'kept over a restart')
  await groups.removeMember(all, team)
  assert.deepEqual(directory.groupsOf(one).toSorted(), [team, other].toSorted())
  await groups.remove(team)
  assert.deepEqual([directory.groupsOf(one), await groups.membersOf(team)], [[other], []])
  await directory.removePrincipal(one)
  assert.deepEqual([directory.groupsOf(one), await groups.membersOf(other)], [[], []])
})

test('a group never contains itself, through however many others', async () => {
  const { directory, groups, group } = await start()
  const chain = await Promise.all(['a', 'b', 'c', 'd'].map(name => group(name)))
  const [a = '', b = '', c = '', d = ''] = chain
  await groups.addMember(a, b)
  await groups.addMember(b, c)
  await groups.addMember(c, d)
  await assert.rejects(groups.addMember(a, a), DirectoryRefused)
  await assert.rejects(groups.addMember(d, a), /can not contain itself/)
  await assert.rejects(groups.addMember(d, b), /can not contain itself/)
  assert.deepEqual(directory.groupsOf(a), [])
  // Of two that would make a circle between them, one is refused.
  const [x, y] = [await group('x'), await group('y')]
  const both = await Promise.allSettled([groups.addMember(x, y), groups.addMember(y, x)])
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('members are there once, and of the same tenant', async () => {
  const { directory, groups, group, robot } = await start()
  const [team, one] = [await group('team'), await robot()]
  await groups.addMember(team, one)
  await assert.rejects(groups.addMember(team, one), { fault: 'conflict' })
  await assert.rejects(groups.addMember(team, systemRandom.uuid()), { fault: 'missing' })
  await assert.rejects(groups.addMember(one, team), { fault: 'missing' })
  await assert.rejects(groups.removeMember(team, team), { fault: 'missing' })
  const { tenantId } = await directory.addTenant({ displayName: 'Other' })
  const stranger = await directory.addServicePrincipal({ tenantId, displayName: 'Stranger' })
  await assert.rejects(groups.addMember(team, stranger.objectId), { fault: 'missing' })
  await assert.rejects(groups.addMember(await group('theirs', tenantId), one), { fault: 'missing' })
  assert.deepEqual(await groups.membersOf(team), [one])
})

test('a managed identity leaves its groups with its resource', async () => {
  const { database, directory, groups, tenantId, group } = await start()
  const [team, principalId] = [await group('team'), systemRandom.uuid()]
  const managed = { tenantId, principalId, clientId: systemRandom.uuid(), displayName: 'i' }
  await database.transact(transaction => directory.addManaged(transaction, managed))
  await groups.addMember(team, principalId)
  await database.transact(transaction => directory.removeManaged(transaction, principalId))
  assert.deepEqual([await groups.membersOf(team), directory.groupsOf(principalId)], [[], []])
})
