import * as path from 'node:path'
import { type Access, openAccess } from '#access/access.ts'
import { builtInRoles } from '#access/built-in-roles.ts'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { systemRandom } from '#foundation/random.ts'
import { costOf, type Opened, openServer, publishOne, urlOf } from './http-tools.ts'
import { type Benchmark, sideBySide } from './measure.ts'

const assignmentCount = 10_000
/** So many of them are the caller's own, on groups that are not asked for. */
const ownCount = 1_000
const seconds = 5
const runs = 5
/** Tells whether the harness works, and nothing else. */
const quickly = { seconds: 1, runs: 1 }

/** GET of a version where the tenant has ten thousand role assignments, beside one where it has the administrator's two. */
export const authorise: Benchmark = async tools => {
  const few = await openServer(tools)
  const many = await openServer(tools)
  const versions = { few: await publishOne(few), many: await publishOne(many) }
  tools.say(`${assignmentCount} role assignments, ${ownCount} of them the caller's`)
  await assignMany(many)
  await few.server.stop()
  await few.server.restart() // both begin cold
  const times = tools.wishes.quick ? quickly : { seconds, runs }
  const cost = ({ server, token }: Opened, version: string) =>
    costOf(urlOf(server, version), { seconds: times.seconds, headers: { authorization: `Bearer ${token}` } })
  await cost(many, versions.many)
  await cost(few, versions.few)
  const get = await sideBySide(
    times.runs,
    () => cost(many, versions.many),
    () => cost(few, versions.few),
  )
  return [{ metric: 'get-with-10000-assignments', unit: 'ms per request', ...get, name: 'with two', must: 1.1 }]
}

/** Saved while the server stands still: ten thousand requests would measure something else. */
const assignMany = async ({ server }: Opened): Promise<void> => {
  await server.stop()
  const database = openSqlite(path.join(server.dataFolder, 'metadata.sqlite'))
  const access = await openAccess({ database, random: systemRandom, clock: systemClock, groupsOf: () => [] })
  const { tenantId, subscriptionId } = server.admin
  const [administrator] = access.assignments(tenantId)
  if (!administrator) throw new Error('The administrator has no assignment.')
  await database.transact(async transaction => {
    for (let index = 0; index < assignmentCount; index++) {
      const assignment: Parameters<Access['store']['put']>[1] = {
        ...administrator,
        name: systemRandom.uuid(),
        scope: `/subscriptions/${subscriptionId}/resourceGroups/group${index}`,
        role: builtInRoles[index % builtInRoles.length]?.name ?? '',
        principalId: index < ownCount ? administrator.principalId : systemRandom.uuid(),
      }
      await access.store.put(transaction, assignment)
    }
  })
  await database.close()
  await server.restart()
}
