import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { IdentityTables, SigningKeyRow } from './identity-tables.ts'

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: JWK
  readonly createdAtMs: number
  /** Since when a newer key signs. */
  readonly retiredAtMs: number | null
}

/** The keys that sign tokens: one current, and older ones for as long as a token signed by them may live. */
export interface SigningKeys {
  /** Signs now; replaced by itself once it is a month old. */
  current(): Promise<SigningKey>
  find(kid: string): SigningKey | undefined
  /** The public halves, as clients fetch them. */
  published(): { keys: JWK[] }
  /** New tokens get a new key; old tokens stay valid until they end. */
  rotate(): Promise<void>
}

const maxAgeMs = 30 * 24 * 3600_000

const generate = promisify(generateKeyPair)

const newRow = async (createdAtMs: number): Promise<SigningKeyRow> => {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 })
  const private_pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const kid = await calculateJwkThumbprint(await exportJWK(createPublicKey(private_pem)))
  return { kid, private_pem, created_at: createdAtMs, retired_at: null }
}

const readKey = async (row: SigningKeyRow): Promise<SigningKey> => {
  const publicKey = createPublicKey(row.private_pem)
  return {
    kid: row.kid,
    privateKey: createPrivateKey(row.private_pem),
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), kid: row.kid, use: 'sig', alg: 'RS256' },
    createdAtMs: row.created_at,
    retiredAtMs: row.retired_at,
  }
}

export interface SigningKeysParts {
  readonly database: Database
  readonly clock: Clock
  /** How long the longest-lived token may be used after it was signed. */
  readonly longestTokenMs: number
}

/** Loads the keys, or makes the first one. */
export const openSigningKeys = async ({ database, clock, longestTokenMs }: SigningKeysParts): Promise<SigningKeys> => {
  const nowMs = () => clock.now().getTime()
  const isLive = (key: SigningKey) => key.retiredAtMs === null || key.retiredAtMs + longestTokenMs > nowMs()
  let keys: SigningKey[] = []

  const load = async () => {
    const rows = await database
      .as<IdentityTables>()
      .selectFrom('identity_signing_key')
      .selectAll()
      .orderBy('created_at', 'desc')
      .execute()
    keys = await Promise.all(rows.map(readKey))
  }

  const replace = async () => {
    const row = await newRow(nowMs())
    await database.transact(async transaction => {
      const tables = transaction.as<IdentityTables>()
      await tables
        .updateTable('identity_signing_key')
        .set({ retired_at: nowMs() })
        .where('retired_at', 'is', null)
        .execute()
      await tables
        .deleteFrom('identity_signing_key')
        .where('retired_at', '<', nowMs() - longestTokenMs)
        .execute()
      await tables.insertInto('identity_signing_key').values(row).execute()
    })
    await load()
  }
  let replacing: Promise<void> | undefined
  const rotate = () => {
    replacing ??= replace().finally(() => {
      replacing = undefined
    })
    return replacing
  }
  const signing = () => keys.find(key => key.retiredAtMs === null && nowMs() - key.createdAtMs < maxAgeMs)

  await load()
  if (!signing()) await rotate()
  return {
    async current() {
      if (!signing()) await rotate()
      return signing() as SigningKey
    },
    find: kid => keys.find(key => key.kid === kid && isLive(key)),
    published: () => ({ keys: keys.filter(isLive).map(key => key.jwk) }),
    rotate,
  }
}
