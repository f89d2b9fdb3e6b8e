import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { systemRandom } from '#foundation/random.ts'
import { openAccess } from './access.ts'
import type { Assignment, CustomRole, Lock } from './access-record.ts'
import { RecordExists } from './access-store.ts'
import { builtInRoles } from './built-in-roles.ts'

const tenant = '10000000-0000-4000-8000-000000000000'
const somebody = { tenantId: tenant, objectId: '20000000-0000-4000-8000-000000000000' }
const group = '/subscriptions/s/resourcegroups/g'
const gallery = `${group}/providers/microsoft.compute/galleries/x`
const roleNamed = (name: string): string =>
  builtInRoles.find(({ roleName }) => roleName === name)?.name ?? assert.fail(name)

const open = async (groups: Record<string, string[]> = {}, database = openSqlite(':memory:')) => {
  const parts = { database, random: systemRandom, clock: new FakeClock() }
  const access = await openAccess({ ...parts, groupsOf: id => groups[id] ?? [] })
  access.subscriptionIs('S', tenant)
  access.subscriptionIs('other', '30000000-0000-4000-8000-000000000000')
  let count = 0
  const assignment = (role: string, scope: string, principalId: string): Assignment => ({
    kind: 'assignment',
    tenantId: tenant,
    name: `a${++count}`,
    scope,
    role,
    principalId,
    principalType: 'ServicePrincipal',
    createdOn: '',
    updatedOn: '',
    createdBy: '',
    updatedBy: '',
  })
  return {
    access,
    database,
    may: (action: string, scope: string) => access.mayDo(somebody, action, scope),
    async assign(role: string, scope: string, principal = somebody.objectId) {
      const record = assignment(roleNamed(role), scope, principal)
      await database.transact(transaction => access.store.put(transaction, record))
      return record
    },
    save: (record: Assignment | CustomRole | Lock) =>
      database.transact(transaction => access.store.put(transaction, record)),
    remove: (record: Assignment | Lock) => database.transact(transaction => access.store.remove(transaction, record)),
    assignment,
  }
}

const customRole = (given: Partial<CustomRole['permissions'][0]>): CustomRole => ({
  kind: 'role',
  tenantId: tenant,
  name: '40000000-0000-4000-8000-000000000000',
  roleName: 'Custom',
  description: '',
  type: 'CustomRole',
  permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...given }],
  assignableScopes: ['/subscriptions/S'],
  createdOn: '',
  updatedOn: '',
})

test('a role holds at its scope and below, nowhere else, from the commit on and until the commit that takes it away', async () => {
  const { may, assign, remove } = await open()
  assert.equal(may('Microsoft.Compute/galleries/read', gallery), false)
  const reader = await assign('Reader', '/subscriptions/S/resourceGroups/g')
  assert.equal(may('microsoft.compute/GALLERIES/read', gallery), true)
  assert.equal(may('Microsoft.Resources/subscriptions/resourceGroups/read', group), true)
  assert.equal(may('Microsoft.Compute/galleries/write', gallery), false)
  assert.equal(may('Microsoft.Compute/galleries/read', '/subscriptions/s'), false)
  assert.equal(may('Microsoft.Compute/galleries/read', `${group}2`), false)
  await remove(reader)
  assert.equal(may('Microsoft.Compute/galleries/read', gallery), false)
})

test('what a role excludes, another role may allow', async () => {
  const { may, assign } = await open()
  await assign('Contributor', '/subscriptions/S')
  const share = 'Microsoft.Compute/galleries/share/action'
  assert.equal(may('Microsoft.Compute/galleries/images/versions/write', gallery), true)
  assert.equal(may('Microsoft.Authorization/roleAssignments/write', gallery), false)
  assert.equal(may('Microsoft.Authorization/locks/delete', gallery), false)
  assert.equal(may(share, gallery), false)
  await assign(
    'Compute Gallery Sharing Admin',
    '/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/galleries/x',
  )
  assert.equal(may(share, gallery), true)
  assert.equal(may(share, `${gallery}y`), false)
})

test('groups have roles for their members', async () => {
  const staff = '50000000-0000-4000-8000-000000000000'
  const { may, assign } = await open({ [somebody.objectId]: [staff] })
  await assign('Owner', '/subscriptions/S', staff)
  assert.equal(may('Microsoft.Authorization/locks/write', group), true)
})

test('nobody has rights in another tenant, not even its own tenant’s owner', async () => {
  const { access, may, assign } = await open()
  await assign('Owner', '')
  assert.equal(may('Microsoft.Compute/disks/read', group), true)
  assert.equal(may('Microsoft.Resources/tenants/read', ''), true)
  assert.equal(may('Microsoft.Compute/disks/read', '/subscriptions/other/resourcegroups/g'), false)
  assert.equal(may('Microsoft.Compute/disks/read', '/subscriptions/unknown'), false)
  assert.equal(access.hasRights(somebody, '/subscriptions/other'), false)
  const stranger = { ...somebody, tenantId: '30000000-0000-4000-8000-000000000000' }
  assert.equal(access.mayDo(stranger, 'Microsoft.Compute/disks/read', '/subscriptions/other'), false)
})

test('actions and data actions are apart', async () => {
  const { access, may, save, assignment } = await open()
  const role = customRole({ actions: ['*'], dataActions: ['A/b/*'], notDataActions: ['A/b/c/delete'] })
  await save(role)
  await save(assignment(role.name, '/subscriptions/S', somebody.objectId))
  const data = (action: string) => access.mayDo(somebody, action, group, 'dataActions')
  assert.deepEqual(
    [may('A/x/read', group), data('A/x/read'), data('a/B/c/read'), data('A/b/c/DELETE')],
    [true, false, true, false],
  )
  await save(customRole({ actions: ['A/*'] }))
  assert.deepEqual([may('A/x/read', group), may('B/x/read', group), data('A/b/c/read')], [true, false, false])
})

test('what hangs on a scope goes with it, and only that', async () => {
  const { access, database, may, assign } = await open()
  await assign('Reader', '/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/galleries/x')
  await assign('Reader', '/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/i')
  const next = `${gallery}0`
  await assign('Reader', next)
  await database.transact(transaction => access.store.removeScope(transaction, gallery))
  assert.equal(may('Microsoft.Compute/galleries/read', gallery), false)
  assert.equal(may('Microsoft.Compute/galleries/images/read', `${gallery}/images/i`), false)
  assert.equal(may('Microsoft.Compute/galleries/read', next), true)
})

test('rights below a scope are found, and not those beside it', async () => {
  const { access, assign } = await open()
  await assign('Compute Gallery Image Reader', gallery)
  const below = (scope: string) => access.hasRightsBelow(somebody, scope)
  assert.deepEqual([below(''), below('/subscriptions/s'), below(group), below(gallery)], [true, true, true, false])
  assert.deepEqual([below('/subscriptions/s2'), below(`${group}2`)], [false, false])
  assert.deepEqual(
    [access.hasRights(somebody, gallery), access.hasRights(somebody, `${gallery}/images/i`)],
    [true, true],
  )
})

test('locks hold what lies in them, and a delete of what they lie in', async () => {
  const { access, save, remove } = await open()
  const lock = (level: Lock['level']): Lock => ({
    kind: 'lock',
    tenantId: tenant,
    name: 'l',
    scope: '/subscriptions/S/resourceGroups/G',
    level,
    createdOn: '',
  })
  const held = () =>
    ['/subscriptions/s', group, gallery, `${group}2`].map(scope =>
      (['write', 'delete'] as const).map(operation => access.locksOver(scope, operation).length).join(''),
    )
  await save(lock('CanNotDelete'))
  assert.deepEqual(held(), ['01', '01', '01', '00'])
  await save(lock('ReadOnly'))
  assert.deepEqual(held(), ['01', '11', '11', '00'])
  await remove(lock('ReadOnly'))
  assert.deepEqual(held(), ['00', '00', '00', '00'])
})

test('what was committed is known after a restart; what was not, never', async () => {
  const { database, assign, access, assignment } = await open()
  await assign('Reader', '/subscriptions/S')
  const owner = assignment(roleNamed('Owner'), '/subscriptions/S', somebody.objectId)
  await assert.rejects(
    database.transact(async transaction => {
      await access.store.put(transaction, owner)
      throw new Error('The disk is full.')
    }),
    /full/,
  )
  assert.equal(access.mayDo(somebody, 'A/b/write', group), false)
  const { may } = await open({}, database)
  assert.deepEqual([may('A/b/read', group), may('A/b/write', group)], [true, false])
})

test('a role is assigned once to a principal at a scope, and has a name of its own', async () => {
  const { assign, save } = await open()
  await assign('Reader', '/subscriptions/S')
  await assert.rejects(assign('Reader', '/subscriptions/s'), RecordExists)
  await save(customRole({}))
  await assert.rejects(
    save({ ...customRole({}), name: '60000000-0000-4000-8000-000000000000', roleName: 'CUSTOM' }),
    RecordExists,
  )
})

test('an owner that a first start made, and somebody removed, does not come back', async () => {
  const { access, database, may, remove } = await open()
  const seed = () =>
    database.transact(transaction =>
      access.seedOwner(transaction, { ...somebody, principalType: 'ServicePrincipal' }, '/subscriptions/S'),
    )
  await seed()
  assert.equal(may('A/b/write', group), true)
  const [owner] = access.assignments(tenant)
  assert.ok(owner)
  await remove(owner)
  await seed()
  assert.equal(may('A/b/write', group), false)
})
