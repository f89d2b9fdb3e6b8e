import * as path from 'node:path'
import { openSqlite } from '#foundation/database.ts'
import { systemRandom } from '#foundation/random.ts'
import { openResources } from '#resources/stored-resources.ts'
import { definitionOf, type Opened, openServer, publishOne } from './http-tools.ts'
import type { Tools } from './measure.ts'

export const versionCount = 10_000

/**
 * A server whose definition has ten thousand versions. One is published; the others are copies of its document, saved while the
 * server stands still, because publishing them all would measure something else.
 */
export const serverWithVersions = async (tools: Tools): Promise<Opened> => {
  const opened = await openServer(tools)
  tools.say('publishing one version and copying its document')
  const version = await publishOne(opened)
  await opened.server.stop()
  const database = openSqlite(path.join(opened.server.dataFolder, 'metadata.sqlite'))
  const resources = await openResources(database)
  const one = await resources.find(version.toLowerCase())
  if (!one) throw new Error(`${version} is not stored.`)
  await database.transact(async transaction => {
    for (let index = 1; index < versionCount; index++) {
      const name = `1.0.${index}`
      const id = `${definitionOf(opened.scope)}/versions/${name}`
      const sortKey = [1, 0, index].map(part => String(part).padStart(10, '0')).join('.')
      const copy = {
        ...one,
        id,
        key: id.toLowerCase(),
        name,
        uid: systemRandom.uuid(),
        etag: systemRandom.uuid(),
        version: 1,
      }
      await resources.insert(transaction, copy, sortKey)
    }
  })
  await database.close()
  await opened.server.restart()
  return opened
}
