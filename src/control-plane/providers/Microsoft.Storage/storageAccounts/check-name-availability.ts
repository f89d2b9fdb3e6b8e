import { Type } from 'typebox'
import type { ComputedAction } from '#arm/resource-type.ts'
import { accountError } from './account-errors.ts'
import { isAccountName, ownerOf } from './account-names.ts'

/** Whether an account name is good and free, in any subscription. */
export const checkNameAvailability: ComputedAction = {
  permission: 'checknameavailability/read',
  body: Type.Object({ name: Type.String(), type: Type.Enum(['Microsoft.Storage/storageAccounts']) }),
  async run({ body }, arm) {
    const name = String(body.name)
    if (!isAccountName(name))
      return { nameAvailable: false, reason: 'AccountNameInvalid', message: accountError.nameInvalid(name).message }
    if (await ownerOf(arm.resources, name))
      return { nameAvailable: false, reason: 'AlreadyExists', message: accountError.nameTaken(name).message }
    return { nameAvailable: true }
  },
}
