import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { Access } from '#access/access.ts'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import type { Database } from '#foundation/database.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'
import type { Resources } from '#resources/resources.ts'

/** Where this machine's other commands find the server. */
export const announce = (dataFolder: string, urls: { url: string; blobUrl: string }) =>
  replaceFile(
    nodeFiles,
    path.join(dataFolder, 'server.json'),
    Buffer.from(`${JSON.stringify({ ...urls, pid: process.pid }, null, 2)}\n`),
  )

/** No server runs on the folder any more. */
export const withdraw = (dataFolder: string): Promise<void> => nodeFiles.remove(path.join(dataFolder, 'server.json'))

const GRANT_KEY_BYTES = 32

/** Signs disks' URLs; kept, so that they outlive a restart. */
export const grantKey = async (dataFolder: string): Promise<Buffer> => {
  const file = path.join(dataFolder, 'grant.key')
  if (!(await nodeFiles.exists(file))) await replaceFile(nodeFiles, file, systemRandom.bytes(GRANT_KEY_BYTES))
  const key = await fs.readFile(file)
  if (key.length !== GRANT_KEY_BYTES)
    throw new Error(`${file} is not the key that signs disks' URLs. Put it back, or remove it: then those in use end.`)
  return key
}

/** The subscription of the first start, made when it is not there yet. */
export const keepSubscription = async (
  resources: Resources,
  database: Database,
  admin: { subscriptionId: string; tenantId: string },
  now: string,
): Promise<void> => {
  const document = subscriptionDocument(admin.subscriptionId, admin.tenantId, 'OpenGallery', {
    now: new Date(now),
    uuid: systemRandom.uuid,
  })
  if (await resources.find(document.key)) return
  await database.transact(transaction => resources.insert(transaction, document))
}

/**
 * The first administrator owns the tenant and the first subscription, by assignments that everybody sees and an owner can remove. A
 * folder from before there were assignments gets them at its next start.
 */
export const keepOwner = (
  access: Access,
  database: Database,
  admin: { objectId: string; subscriptionId: string; tenantId: string },
): Promise<void> =>
  database.transact(async transaction => {
    for (const scope of ['', `/subscriptions/${admin.subscriptionId}`])
      await access.seedOwner(transaction, { ...admin, principalType: 'ServicePrincipal' }, scope)
  })
