import { Type } from 'typebox'
import type { Action } from '#arm/resource-type.ts'
import type { Blobs } from '#data-plane/blobs/blobs.ts'
import { accountError } from './account-errors.ts'
import { type AccountKeys, keyNames, keysOf, newKey, shownKeys, withKeys } from './account-keys.ts'
import { blobAccount } from './keep-account.ts'

export const listKeys: Action = {
  permission: 'listkeys/action',
  run: async ({ document }) => ({ status: 200, body: shownKeys(keysOf(document)) }),
}

/** Replaces one of the keys; what the old one signed is worth nothing from then on. */
export const regenerateKey = (blobs: Blobs): Action => ({
  permission: 'regeneratekey/action',
  body: Type.Object({ keyName: Type.String() }),
  async run({ document, body }, arm) {
    const index = keyNames.indexOf(String(body.keyName).toLowerCase())
    if (index < 0) throw accountError.unknownKey(String(body.keyName).slice(0, 100))
    const fresh = newKey(arm.random, arm.clock.now())
    const [first, second] = keysOf(document)
    const keys: AccountKeys = index === 0 ? [fresh, second] : [first, fresh]
    const changed = withKeys(document, keys)
    // The account may be deleted in this moment: its keys are changed, but not by making it anew.
    await blobs.changeKeys(blobAccount(changed))
    return { status: 200, body: shownKeys(keys), document: changed }
  },
})
