import { hash } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { isSameSecret } from '#foundation/same-secret.ts'
import type { AuthorizationCodeRow, IdentityTables } from './identity-tables.ts'
import { oauthRefused } from './oauth-refused.ts'

/** What a person agreed to in the browser, until the program fetches its tokens. */
export interface AgreedSignIn {
  readonly objectId: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: string
  /** The SHA-256 of a word that only the program knows (PKCE, RFC 7636). */
  readonly challenge: string
  readonly nonce: string | null
}

/** Sign-ins in a browser on the same machine: the code goes through the browser, the proof that it is one's own doesn't. */
export interface AuthorizationCodes {
  issue(agreed: AgreedSignIn): Promise<string>
  /** Uses a code up, right or wrong, and returns what was agreed; throws `OAuthRefused`. */
  redeem(code: string, by: { clientId: string; redirectUri: string; verifier: string }): Promise<AgreedSignIn>
}

const lifeMs = 300_000

export interface AuthorizationCodesParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
}

export const openAuthorizationCodes = ({ database, clock, random }: AuthorizationCodesParts): AuthorizationCodes => {
  const nowMs = () => clock.now().getTime()
  return {
    async issue(agreed) {
      const code = random.bytes(48).toString('base64url')
      const row: AuthorizationCodeRow = {
        code_hash: hash('sha256', code),
        object_id: agreed.objectId,
        client_id: agreed.clientId,
        redirect_uri: agreed.redirectUri,
        scope: agreed.scope,
        challenge: agreed.challenge,
        nonce: agreed.nonce,
        expires_at: nowMs() + lifeMs,
      }
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        await tables.deleteFrom('identity_authorization_code').where('expires_at', '<', nowMs()).execute()
        await tables.insertInto('identity_authorization_code').values(row).execute()
      })
      return code
    },
    async redeem(code, { clientId, redirectUri, verifier }) {
      const row = await database
        .as<IdentityTables>()
        .deleteFrom('identity_authorization_code')
        .where('code_hash', '=', hash('sha256', code))
        .returningAll()
        .executeTakeFirst()
      if (!row || row.client_id !== clientId || row.redirect_uri !== redirectUri) throw oauthRefused.badGrant()
      if (row.expires_at <= nowMs()) throw oauthRefused.expiredCode()
      if (!isSameSecret(hash('sha256', verifier, 'base64url'), row.challenge)) throw oauthRefused.wrongVerifier()
      const { object_id: objectId, scope, challenge, nonce } = row
      return { objectId, clientId, redirectUri, scope, challenge, nonce }
    },
  }
}
