import type { Change } from '#arm/resource-type.ts'
import { requireBase64 } from './check-os-profile.ts'
import type { HiddenOfMachine } from './machine-document.ts'

/** User data is not shown with the rest; what a request leaves out stays, and an empty text removes it. */
export const userDataOf = ({ given }: Change): Pick<HiddenOfMachine, 'userData'> => {
  const { userData } = (given.properties ?? {}) as { userData?: string | null }
  if (userData === undefined) return {}
  return { userData: userData ? requireBase64(userData, 'userData') : null }
}
