import { sql } from 'kysely'
import type { Clock } from '#foundation/clock.ts'
import type { Database, Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { GroupRow, IdentityTables } from './identity-tables.ts'
import { openMemberships } from './memberships.ts'

/** A security group: what is granted to it is granted to whoever is in it. */
export interface Group {
  readonly tenantId: string
  readonly objectId: string
  readonly displayName: string
  readonly mailNickname: string
  readonly description: string | null
  readonly createdAt: Date
}

export type GroupWords = Pick<Group, 'displayName' | 'mailNickname' | 'description'>

/** The groups of all tenants. Members are users, service principals, managed identities and other groups of the same tenant. */
export interface Groups {
  add(tenantId: string, words: GroupWords): Promise<Group>
  change(groupId: string, words: Partial<GroupWords>): Promise<void>
  /** With all that it says about members; the members stay. */
  remove(groupId: string): Promise<void>
  find(groupId: string): Promise<Group | undefined>
  list(tenantId: string): Promise<Group[]>
  /** Refuses a member of another tenant, one that is there already, and a group that would contain itself. */
  addMember(groupId: string, memberId: string): Promise<void>
  removeMember(groupId: string, memberId: string): Promise<void>
  /** Object ids of the direct members, the oldest first. */
  membersOf(groupId: string): Promise<string[]>
  /** All groups that a principal or group is in, through other groups too; lower case; right as soon as a change has resolved. */
  groupsOf(objectId: string): readonly string[]
  /** Those that it is itself a member of. */
  directGroupsOf(objectId: string): readonly string[]
  /** Removes a principal from every group, in the transaction that removes it. */
  leaveAll(transaction: Transaction, objectId: string): Promise<void>
}

const mostGroups = 100_000

const groupOf = (row: GroupRow): Group => ({
  tenantId: row.tenant_id,
  objectId: row.object_id,
  displayName: row.display_name,
  mailNickname: row.mail_nickname,
  description: row.description,
  createdAt: new Date(row.created_at),
})

export interface GroupsParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
}

/** The groups over their tables, which must have been made by the identity's migrations. */
export const openGroups = async ({ database, clock, random }: GroupsParts): Promise<Groups> => {
  const tables = () => database.as<IdentityTables>()
  const now = () => clock.now().getTime()
  const rows = await tables().selectFrom('identity_group_member').select(['group_id', 'member_id']).execute()
  const memberships = openMemberships(rows.map(row => [row.group_id, row.member_id]))

  const insertMember = async (transaction: Transaction, groupId: string, memberId: string) => {
    const tenants = await tenantsOf(transaction, [groupId, memberId])
    const group = tenants.find(row => row.object_id === groupId && row.is_group === 1)
    const member = tenants.find(row => row.object_id === memberId)
    if (!group) throw missing('group', groupId)
    if (!member || member.tenant_id !== group.tenant_id) throw missing('user, service principal or group', memberId)
    if (await contains(transaction, memberId, groupId))
      throw new DirectoryRefused('A group can not contain itself, not through other groups either.')
    const inserted = await transaction
      .as<IdentityTables>()
      .insertInto('identity_group_member')
      .values({ group_id: groupId, member_id: memberId, created_at: now() })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirstOrThrow()
    if (Number(inserted.numInsertedOrUpdatedRows) === 0) throw alreadyThere()
  }

  return {
    async add(tenantId, { displayName, mailNickname, description }) {
      const row: GroupRow = {
        object_id: random.uuid(),
        tenant_id: tenantId.toLowerCase(),
        display_name: displayName,
        mail_nickname: mailNickname,
        description,
        created_at: now(),
      }
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const { count } = await tables
          .selectFrom('identity_group')
          .select(row => row.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow()
        if (count >= mostGroups) throw new DirectoryRefused(`There are ${mostGroups} groups already.`)
        await tables.insertInto('identity_group').values(row).execute()
      })
      return groupOf(row)
    },
    async change(groupId, { displayName, mailNickname, description }) {
      const { numUpdatedRows } = await tables()
        .updateTable('identity_group')
        .set({
          ...(displayName !== undefined && { display_name: displayName }),
          ...(mailNickname !== undefined && { mail_nickname: mailNickname }),
          ...(description !== undefined && { description }),
          object_id: groupId,
        })
        .where('object_id', '=', groupId)
        .executeTakeFirst()
      if (Number(numUpdatedRows) === 0) throw missing('group', groupId)
    },
    async remove(groupId) {
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const whose = (column: 'group_id' | 'member_id') =>
          tables.deleteFrom('identity_group_member').where(column, '=', groupId).execute()
        await whose('group_id')
        await whose('member_id')
        await tables.deleteFrom('identity_owner').where('object_id', '=', groupId).execute()
        await tables.deleteFrom('identity_group').where('object_id', '=', groupId).execute()
      })
      memberships.forget(groupId)
    },
    async find(groupId) {
      const row = await tables()
        .selectFrom('identity_group')
        .selectAll()
        .where('object_id', '=', groupId.toLowerCase())
        .executeTakeFirst()
      return row && groupOf(row)
    },
    async list(tenantId) {
      const query = tables().selectFrom('identity_group').selectAll().where('tenant_id', '=', tenantId)
      return (await query.orderBy('created_at').orderBy('object_id').execute()).map(groupOf)
    },
    async addMember(group, member) {
      const [groupId, memberId] = [group.toLowerCase(), member.toLowerCase()]
      await database.transact(transaction => insertMember(transaction, groupId, memberId))
      memberships.add(groupId, memberId)
    },
    async removeMember(group, member) {
      const [groupId, memberId] = [group.toLowerCase(), member.toLowerCase()]
      const { numDeletedRows } = await tables()
        .deleteFrom('identity_group_member')
        .where('group_id', '=', groupId)
        .where('member_id', '=', memberId)
        .executeTakeFirst()
      memberships.remove(groupId, memberId)
      if (Number(numDeletedRows) === 0) throw missing('member', memberId)
    },
    async membersOf(groupId) {
      const query = tables().selectFrom('identity_group_member').select('member_id').where('group_id', '=', groupId)
      return (await query.orderBy('created_at').orderBy('member_id').execute()).map(row => row.member_id)
    },
    groupsOf: memberships.groupsOf,
    directGroupsOf: memberships.directGroupsOf,
    async leaveAll(transaction, objectId) {
      const query = transaction.as<IdentityTables>().deleteFrom('identity_group_member')
      await query.where('member_id', '=', objectId).execute()
      transaction.afterCommit(() => memberships.forget(objectId))
    },
  }
}

const missing = (what: string, objectId: string) =>
  new DirectoryRefused(`There is no ${what} with the object id '${objectId}'.`, { fault: 'missing' })

const alreadyThere = () =>
  new DirectoryRefused(
    "One or more added object references already exist for the following modified properties: 'members'.",
    { fault: 'conflict' },
  )

/** Those of the ids that are principals or groups, and whose. */
const tenantsOf = (transaction: Transaction, ids: readonly string[]) => {
  const tables = transaction.as<IdentityTables>()
  const groups = tables
    .selectFrom('identity_group')
    .select(['object_id', 'tenant_id', sql<number>`1`.as('is_group')])
    .where('object_id', 'in', ids)
  const principals = tables
    .selectFrom('identity_principal')
    .select(['object_id', 'tenant_id', sql<number>`0`.as('is_group')])
    .where('object_id', 'in', ids)
  return groups.unionAll(principals).execute()
}

/** Whether `outer` is `inner`, or has it among its members, its members' members and so on. */
const contains = async (transaction: Transaction, outer: string, inner: string): Promise<boolean> => {
  const found = await transaction
    .as<IdentityTables>()
    .withRecursive('within(id)', query =>
      query
        .selectNoFrom(sql<string>`${outer}`.as('id'))
        .union(
          query
            .selectFrom('identity_group_member')
            .innerJoin('within', 'within.id', 'identity_group_member.group_id')
            .select('identity_group_member.member_id as id'),
        ),
    )
    .selectFrom('within')
    .select('id')
    .where('id', '=', inner)
    .executeTakeFirst()
  return found !== undefined
}
