import type { Random } from '#foundation/random.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'

/** The two keys of an account, and since when they are. Never shown but by `listKeys`. */
export interface AccountKey {
  readonly value: string
  readonly creationTime: string
}
export type AccountKeys = readonly [AccountKey, AccountKey]

export const keyNames: readonly string[] = ['key1', 'key2']

export const newKey = (random: Random, now: Date): AccountKey => ({
  value: random.bytes(64).toString('base64'),
  creationTime: now.toISOString(),
})

export const keysOf = (document: ResourceDocument): AccountKeys => document.hidden.keys as unknown as AccountKeys
export const withKeys = (document: ResourceDocument, keys: AccountKeys): ResourceDocument => ({
  ...document,
  hidden: { ...document.hidden, keys: keys as unknown as Json },
})

/** The body of `listKeys` and `regenerateKey`. */
export const shownKeys = (keys: AccountKeys): JsonObject => ({
  keys: keys.map(({ value, creationTime }, index) => ({
    creationTime,
    keyName: keyNames[index],
    value,
    permissions: 'FULL',
  })),
})
