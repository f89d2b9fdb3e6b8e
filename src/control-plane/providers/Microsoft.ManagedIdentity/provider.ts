import type { Provider } from '#arm/resource-type.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import { federatedIdentityCredentialType } from './userAssignedIdentities/federatedIdentityCredentials/federated-identity-credential.ts'
import { userAssignedIdentityType } from './userAssignedIdentities/user-assigned-identity.ts'

export interface ManagedIdentityParts {
  readonly identities: ManagedIdentities
}

/** Principals that are resources of their own. */
export const managedIdentityProvider = ({ identities }: ManagedIdentityParts): Provider => ({
  namespace: 'Microsoft.ManagedIdentity',
  types: [userAssignedIdentityType(identities), federatedIdentityCredentialType(identities)],
  operations: [],
})
