import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { armAudiences, graphAudiences } from './audiences.ts'
import { issuersOf } from './authority.ts'
import { type AuthorizationCodes, openAuthorizationCodes } from './authorization-codes.ts'
import { assertionCheck } from './client-assertion.ts'
import { type DeviceCodes, openDeviceCodes } from './device-codes.ts'
import { type Directory, openDirectory } from './directory.ts'
import { identityMigrations } from './identity-tables.ts'
import { openLockout } from './lockout.ts'
import { openRefreshTokens, type RefreshTokens } from './refresh-tokens.ts'
import { type SecretCheck, secretCheck } from './secret-check.ts'
import { openSigningKeys, type SigningKeys } from './signing-keys.ts'
import { type SlowHash, slowHash } from './slow-hash.ts'
import { type Caller, clockSkewMs, openTokens, type Tokens, tokenLifeMs } from './tokens.ts'

export interface IdentityParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** This server's addresses, such as `https://127.0.0.1:8443`, the first for callers that name none; asked anew each time. */
  readonly origins: () => readonly string[]
  /** More audiences that tokens may be wanted for, such as a storage endpoint's. */
  readonly otherAudiences?: readonly string[]
}

/** Who is calling: the directory, the tokens, and the parts of the sign-in endpoints. */
export interface Identity {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly directory: Directory
  readonly slowHash: SlowHash
  readonly tokens: Tokens
  readonly keys: SigningKeys
  readonly checkSecret: SecretCheck
  readonly checkAssertion: ReturnType<typeof assertionCheck>
  readonly refreshTokens: RefreshTokens
  readonly deviceCodes: DeviceCodes
  readonly authorizationCodes: AuthorizationCodes
  origins(): readonly string[]
  /** Whom tokens may be issued for. */
  audiences(): readonly string[]
  /** The caller that an access token proves, for Azure Resource Manager unless other audiences are given; throws `TokenRefused`. */
  verifyToken(token: string, audiences?: readonly string[]): Promise<Caller>
  /** From now on a new key signs; tokens that were signed before stay valid until they end. */
  rotateKeys(): Promise<void>
}

/** Opens the identity over its own tables, and makes them and the first signing key when they aren't there. */
export const openIdentity = async (parts: IdentityParts): Promise<Identity> => {
  const { database, clock, random, log, origins } = parts
  await database.migrate(identityMigrations)
  const hashing = slowHash(random)
  const directory = openDirectory({ database, clock, random, slowHash: hashing })
  const lockout = openLockout({ database, clock })
  const keys = await openSigningKeys({ database, clock, longestTokenMs: tokenLifeMs + clockSkewMs })
  const tokens = openTokens({ clock, random, directory, keys, issuersOf: tenantId => issuersOf(origins(), tenantId) })
  return {
    clock,
    random,
    log,
    directory,
    slowHash: hashing,
    tokens,
    keys,
    checkSecret: secretCheck({ clock, random, directory, slowHash: hashing, lockout }),
    checkAssertion: assertionCheck({ database, clock, directory }),
    refreshTokens: openRefreshTokens({ database, clock, random }),
    deviceCodes: openDeviceCodes({ database, clock, random }),
    authorizationCodes: openAuthorizationCodes({ database, clock, random }),
    origins,
    audiences: () => [...armAudiences(origins()), ...graphAudiences(origins()), ...(parts.otherAudiences ?? [])],
    verifyToken: (token, audiences = armAudiences(origins())) => tokens.verify(token, audiences),
    rotateKeys: () => keys.rotate(),
  }
}
