import { hash } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { IdentityTables } from './identity-tables.ts'
import { oauthRefused } from './oauth-refused.ts'

/** Long-lived tokens that a client swaps for new access tokens. Only hashes are stored; each works once, then its successor does. */
export interface RefreshTokens {
  issue(owner: { objectId: string; clientId: string }): Promise<string>
  /** Uses a token up and returns whose it was with its successor; throws `OAuthRefused`. */
  redeem(token: string, clientId: string): Promise<{ objectId: string; successor: string }>
}

const lifeMs = 90 * 24 * 3600_000
/**
 * Two `az` commands at once, or one whose answer was lost, send the same token twice. Later than this, a used token can only be a
 * stolen one or the thief's victim's: the whole family ends.
 */
const graceMs = 60_000

export interface RefreshTokensParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
}

export const openRefreshTokens = ({ database, clock, random }: RefreshTokensParts): RefreshTokens => {
  const nowMs = () => clock.now().getTime()
  const newToken = () => random.bytes(48).toString('base64url')
  const rowOf = (token: string, owner: { object_id: string; client_id: string; family_id: string }) => ({
    token_hash: hash('sha256', token),
    ...owner,
    expires_at: nowMs() + lifeMs,
    used_at: null,
  })

  return {
    async issue({ objectId, clientId }) {
      const token = newToken()
      const row = rowOf(token, { object_id: objectId, client_id: clientId, family_id: random.uuid() })
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        await tables.deleteFrom('identity_refresh_token').where('expires_at', '<', nowMs()).execute()
        await tables.insertInto('identity_refresh_token').values(row).execute()
      })
      return token
    },
    async redeem(token, clientId) {
      const successor = newToken()
      const outcome = await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const row = await tables
          .selectFrom('identity_refresh_token')
          .selectAll()
          .where('token_hash', '=', hash('sha256', token))
          .executeTakeFirst()
        if (!row || row.client_id !== clientId) return 'unknown'
        if (row.expires_at <= nowMs()) return 'expired'
        if (row.used_at !== null && nowMs() - row.used_at > graceMs) {
          await tables.deleteFrom('identity_refresh_token').where('family_id', '=', row.family_id).execute()
          return 'revoked'
        }
        await tables
          .updateTable('identity_refresh_token')
          .set({ used_at: row.used_at ?? nowMs() })
          .where('token_hash', '=', row.token_hash)
          .execute()
        const { object_id, client_id, family_id } = row
        await tables
          .insertInto('identity_refresh_token')
          .values(rowOf(successor, { object_id, client_id, family_id }))
          .execute()
        return row
      })
      if (outcome === 'unknown') throw oauthRefused.badGrant()
      if (outcome === 'expired') throw oauthRefused.expiredRefreshToken()
      if (outcome === 'revoked') throw oauthRefused.revokedGrant()
      return { objectId: outcome.object_id, successor }
    },
  }
}
