import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { Generated } from 'kysely'
import type { Database, Transaction } from '#foundation/database.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Random } from '#foundation/random.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'

/** What a deployment was asked for, defaults worked out once and for all. Parameters are dropped when it is over. */
export interface DeploymentContent {
  readonly template?: JsonObject
  readonly parameters?: Json
}

export type RecordState = 'Running' | 'Succeeded' | 'Failed' | 'Canceled'

/** What became of one resource of a deployment. */
export interface DeploymentRecord {
  readonly operationId: string
  readonly operation: 'Create' | 'Read' | 'Delete' | 'EvaluateDeploymentOutput'
  readonly state: RecordState
  readonly startedAt: string
  readonly timestamp: string
  /** `OK`, `Created`, or the error's: as Azure names HTTP's statuses. */
  readonly statusCode?: string
  readonly statusMessage?: Json
  readonly target?: { readonly id: string; readonly resourceType: string; readonly resourceName: string }
}

/** What is kept beside the documents of deployments: templates, parameters, and what became of each resource. */
export interface DeploymentStore {
  /** Saves what a new run is asked for; what the run before left is gone. */
  begin(transaction: Transaction, uid: string, content: DeploymentContent): Promise<void>
  content(uid: string): Promise<DeploymentContent>
  /** The run is over: drops the parameters, and the template too unless `keepsTemplate`. */
  end(transaction: Transaction, uid: string, keepsTemplate: boolean): Promise<void>
  keepRecord(uid: string, record: DeploymentRecord): Promise<void>
  /** Those still running are cancelled. */
  cancelRecords(transaction: Transaction, uid: string, timestamp: string): Promise<void>
  /** In the order of their beginnings. */
  records(uid: string): Promise<readonly DeploymentRecord[]>
  forget(transaction: Transaction, uid: string): Promise<void>
}

interface Tables {
  deployment_content: { uid: string; sealed: Uint8Array }
  deployment_record: { rowid: Generated<number>; uid: string; operation_id: string; record: string }
}

const schema = [
  'create table if not exists deployment_content (uid text primary key, sealed blob not null)',
  `create table if not exists deployment_record (uid text not null, operation_id text not null, record text not null,
    primary key (uid, operation_id))`,
]

/** `key` is the installation's secret: contents hold passwords, and are never on the disk as they are. */
export const openDeployments = async (parts: {
  database: Database
  random: Random
  key: Uint8Array
}): Promise<DeploymentStore> => {
  const { database, random } = parts
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', parts.key, '', 'opengallery deployment content', 32)))
  await database.migrate(schema)
  const tables = database.as<Tables>()

  const write = async (transaction: Transaction, uid: string, content: DeploymentContent) => {
    const sealed = seal(Buffer.from(JSON.stringify(content)), key, random)
    await transaction
      .as<Tables>()
      .insertInto('deployment_content')
      .values({ uid, sealed })
      .onConflict(conflict => conflict.column('uid').doUpdateSet({ sealed }))
      .execute()
  }
  const read = async (uid: string, from = tables) => {
    const row = await from.selectFrom('deployment_content').select('sealed').where('uid', '=', uid).executeTakeFirst()
    invariant(row, `Nothing was kept of the deployment ${uid}.`)
    return JSON.parse(unseal(row.sealed, key).toString()) as DeploymentContent
  }
  const records = async (uid: string, from = tables) => {
    const rows = await from
      .selectFrom('deployment_record')
      .select('record')
      .where('uid', '=', uid)
      .orderBy('rowid')
      .execute()
    return rows.map(row => JSON.parse(row.record) as DeploymentRecord)
  }
  const keep = async (uid: string, record: DeploymentRecord, into = tables) => {
    const row = { record: JSON.stringify(record) }
    await into
      .insertInto('deployment_record')
      .values({ uid, operation_id: record.operationId, ...row })
      .onConflict(conflict => conflict.columns(['uid', 'operation_id']).doUpdateSet(row))
      .execute()
  }
  const dropRecords = (transaction: Transaction, uid: string) =>
    transaction.as<Tables>().deleteFrom('deployment_record').where('uid', '=', uid).execute()

  return {
    async begin(transaction, uid, content) {
      await dropRecords(transaction, uid)
      await write(transaction, uid, content)
    },
    content: uid => read(uid),
    async end(transaction, uid, keepsTemplate) {
      // What can't be read any more, its key being lost, must not keep a run from ending.
      const { template } = await read(uid, transaction.as<Tables>()).catch((): DeploymentContent => ({}))
      await write(transaction, uid, keepsTemplate && template ? { template } : {})
    },
    keepRecord: (uid, record) => keep(uid, record),
    async cancelRecords(transaction, uid, timestamp) {
      const own = transaction.as<Tables>()
      for (const record of await records(uid, own))
        if (record.state === 'Running') await keep(uid, { ...record, state: 'Canceled', timestamp }, own)
    },
    records: uid => records(uid),
    async forget(transaction, uid) {
      await dropRecords(transaction, uid)
      await transaction.as<Tables>().deleteFrom('deployment_content').where('uid', '=', uid).execute()
    },
  }
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

const seal = (plain: Buffer, key: KeyObject, random: Random): Buffer => {
  const nonce = random.bytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

const unseal = (bytes: Uint8Array, key: KeyObject): Buffer => {
  const sealed = Buffer.from(bytes)
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
}
