import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { type Applications, openApplications } from './applications.ts'
import { armAudiences, graphAudiences } from './audiences.ts'
import { issuersOf } from './authority.ts'
import { type AuthorizationCodes, openAuthorizationCodes } from './authorization-codes.ts'
import { assertionCheck } from './client-assertion.ts'
import { type DeviceCodes, openDeviceCodes } from './device-codes.ts'
import { type Directory, openDirectory } from './directory.ts'
import { type FederatedCredentials, openFederatedCredentials } from './federated-credentials.ts'
import { federatedCheck } from './federation/federated-assertion.ts'
import { fetchJson } from './federation/fetch-json.ts'
import type { OutsideIssuer } from './federation/outside-issuer.ts'
import { type OutsideTokens, openOutsideTokens } from './federation/outside-tokens.ts'
import { type Groups, openGroups } from './groups.ts'
import { identityMigrations } from './identity-tables.ts'
import { openLockout } from './lockout.ts'
import { type Owners, openOwners } from './owners.ts'
import { openProfiles, type Profiles } from './profiles.ts'
import { openRefreshTokens, type RefreshTokens } from './refresh-tokens.ts'
import { type SecretCheck, secretCheck } from './secret-check.ts'
import type { SignedIn } from './signed-in.ts'
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
  /** Told of every sign-in, before its answer leaves. */
  readonly noteSignIn?: (signIn: SignedIn) => Promise<void>
  /** Whose tokens are taken beside our own, and how their keys are fetched. */
  readonly issuers?: readonly OutsideIssuer[]
  readonly readCa?: (file: string) => Promise<string>
}

/** Who is calling: the directory, the tokens, and the parts of the sign-in endpoints. */
export interface Identity {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly directory: Directory
  readonly groups: Groups
  readonly applications: Applications
  readonly owners: Owners
  readonly profiles: Profiles
  readonly federatedCredentials: FederatedCredentials
  readonly slowHash: SlowHash
  readonly tokens: Tokens
  readonly keys: SigningKeys
  readonly checkSecret: SecretCheck
  readonly checkAssertion: ReturnType<typeof assertionCheck>
  /** The program that shows a token of another issuer as its proof. */
  readonly checkFederated: ReturnType<typeof federatedCheck>
  readonly outsideTokens: OutsideTokens
  readonly refreshTokens: RefreshTokens
  readonly deviceCodes: DeviceCodes
  readonly authorizationCodes: AuthorizationCodes
  /** Writes a sign-in down, or what was none. */
  noteSignIn(signIn: SignedIn | undefined): Promise<void>
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
  const groups = await openGroups({ database, clock, random })
  const directory = openDirectory({ database, clock, random, slowHash: hashing, groups })
  const outsideTokens = openOutsideTokens({
    clock,
    log,
    directory,
    fetchJson,
    issuers: parts.issuers ?? [],
    readCa: parts.readCa ?? (async file => Promise.reject(new Error(`${file} is not read here.`))),
  })
  const federatedCredentials = openFederatedCredentials(database, random)
  const lockout = openLockout({ database, clock })
  const keys = await openSigningKeys({ database, clock, longestTokenMs: tokenLifeMs + clockSkewMs })
  const tokens = openTokens({ clock, random, directory, keys, issuersOf: tenantId => issuersOf(origins(), tenantId) })
  return {
    clock,
    random,
    log,
    directory,
    groups,
    applications: openApplications({ database, clock, random, changed: directory.touch }),
    owners: openOwners(database),
    profiles: openProfiles(database),
    federatedCredentials,
    outsideTokens,
    checkFederated: federatedCheck({ directory, federatedCredentials, outsideTokens }),
    slowHash: hashing,
    tokens,
    keys,
    checkSecret: secretCheck({ clock, random, directory, slowHash: hashing, lockout }),
    checkAssertion: assertionCheck({ database, clock, directory }),
    refreshTokens: openRefreshTokens({ database, clock, random }),
    deviceCodes: openDeviceCodes({ database, clock, random }),
    authorizationCodes: openAuthorizationCodes({ database, clock, random }),
    noteSignIn: async signIn => void (signIn && (await parts.noteSignIn?.(signIn))),
    origins,
    audiences: () => [...armAudiences(origins()), ...graphAudiences(origins()), ...(parts.otherAudiences ?? [])],
    async verifyToken(token, audiences) {
      // Resource Manager alone takes tokens that were made elsewhere.
      if (audiences === undefined && outsideTokens.claims(token)) return outsideTokens.verify(token)
      return tokens.verify(token, audiences ?? armAudiences(origins()))
    },
    rotateKeys: () => keys.rotate(),
  }
}
