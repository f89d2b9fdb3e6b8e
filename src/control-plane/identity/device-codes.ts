import { hash } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { IdentityTables } from './identity-tables.ts'
import { networkOf } from './ip-address.ts'
import { oauthRefused } from './oauth-refused.ts'

export interface DeviceCode {
  readonly deviceCode: string
  /** What the person types: letters that aren't mistaken for one another, and make no word. */
  readonly userCode: string
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

/** Sign-ins that began on one device and are finished in a browser on another (RFC 8628). */
export interface DeviceCodes {
  issue(wanted: { clientId: string; scope: string; remote: string }): Promise<DeviceCode>
  /** The program that waits for this code, while it waits. */
  waiting(userCode: string): Promise<{ clientId: string } | undefined>
  /** False when the code is unknown, over, or was used already. */
  approve(userCode: string, objectId: string): Promise<boolean>
  /** Hands out an approved sign-in once; throws `OAuthRefused` while it is pending, or when it is over. */
  redeem(deviceCode: string, clientId: string): Promise<{ objectId: string; scope: string }>
}

const lifeMs = 900_000
const intervalSeconds = 5
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const perNetwork = 50

/** Eight letters of twenty: 34 bits, for a code that lives a quarter of an hour and whose guesses are counted. */
const newUserCode = (random: Random): string => {
  let code = ''
  while (code.length < 8) {
    const [byte = 0] = random.bytes(1)
    if (byte < 240) code += letters[byte % 20]
  }
  return code
}

const normalised = (userCode: string): string => userCode.toUpperCase().replace(/[^A-Z]/g, '')

export interface DeviceCodesParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
}

export const openDeviceCodes = ({ database, clock, random }: DeviceCodesParts): DeviceCodes => {
  const nowMs = () => clock.now().getTime()
  return {
    async issue({ clientId, scope, remote }) {
      const deviceCode = random.bytes(48).toString('base64url')
      const userCode = newUserCode(random)
      const network = networkOf(remote)
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        await tables
          .deleteFrom('identity_device_code')
          .where('expires_at', '<', nowMs() - lifeMs)
          .execute()
        // Anybody may ask for codes: each network keeps its newest ones.
        const surplus = tables
          .selectFrom('identity_device_code')
          .select('code_hash')
          .where('remote', '=', network)
          .orderBy('created_at', 'desc')
          .limit(-1)
          .offset(perNetwork - 1)
        await tables.deleteFrom('identity_device_code').where('code_hash', 'in', surplus).execute()
        await tables
          .insertInto('identity_device_code')
          .values({
            code_hash: hash('sha256', deviceCode),
            user_code: userCode,
            client_id: clientId,
            scope,
            remote: network,
            created_at: nowMs(),
            expires_at: nowMs() + lifeMs,
            last_poll: 0,
            object_id: null,
          })
          .execute()
      })
      return { deviceCode, userCode, expiresInSeconds: lifeMs / 1000, intervalSeconds }
    },
    async waiting(userCode) {
      const row = await database
        .as<IdentityTables>()
        .selectFrom('identity_device_code')
        .select('client_id')
        .where('user_code', '=', normalised(userCode))
        .where('expires_at', '>', nowMs())
        .where('object_id', 'is', null)
        .executeTakeFirst()
      return row && { clientId: row.client_id }
    },
    async approve(userCode, objectId) {
      const { numUpdatedRows } = await database
        .as<IdentityTables>()
        .updateTable('identity_device_code')
        .set({ object_id: objectId })
        .where('user_code', '=', normalised(userCode))
        .where('expires_at', '>', nowMs())
        .where('object_id', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async redeem(deviceCode, clientId) {
      const outcome = await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const code = hash('sha256', deviceCode)
        const row = await tables
          .selectFrom('identity_device_code')
          .selectAll()
          .where('code_hash', '=', code)
          .executeTakeFirst()
        if (!row || row.client_id !== clientId) return 'unknown'
        if (row.expires_at <= nowMs()) return 'expired'
        if (row.object_id !== null) {
          await tables.deleteFrom('identity_device_code').where('code_hash', '=', code).execute()
          return { objectId: row.object_id, scope: row.scope }
        }
        await tables
          .updateTable('identity_device_code')
          .set({ last_poll: nowMs() })
          .where('code_hash', '=', code)
          .execute()
        // A second of patience: the network may bring two polls closer together than they were sent.
        return nowMs() - row.last_poll < (intervalSeconds - 1) * 1000 ? 'early' : 'pending'
      })
      if (outcome === 'unknown') throw oauthRefused.badGrant()
      if (outcome === 'expired') throw oauthRefused.expiredDeviceCode()
      if (outcome === 'early') throw oauthRefused.slowDown()
      if (outcome === 'pending') throw oauthRefused.pending()
      return outcome
    },
  }
}
