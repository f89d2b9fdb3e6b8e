import type { Transaction } from '#foundation/database.ts'
import { sameAudience } from './audiences.ts'
import { issuersOf } from './authority.ts'
import type { FederatedWords } from './federated-credentials.ts'
import type { Identity } from './identity.ts'
import type { ManagedPrincipal } from './principal.ts'

/** Principals of resources, as their providers make and use them. */
export interface ManagedIdentities {
  /** Adds a principal in the commit that saves its resource. Can be said again. */
  create(transaction: Transaction, principal: ManagedPrincipal): Promise<void>
  /** Removes it in the commit that removes its resource: its tokens are refused within seconds. Can be said again. */
  remove(transaction: Transaction, principalId: string): Promise<void>
  /**
   * An access token for a resource (`https://management.azure.com/`), as the metadata endpoint of a machine gives it; or that the
   * principal is not there, or that no service of this server has the name. `resourceId` is told in the claim `xms_mirid`.
   */
  tokenFor(
    principalId: string,
    resource: string,
    resourceId: string,
  ): Promise<
    | { readonly token: string; readonly clientId: string; readonly expiresInSeconds: number }
    | 'no identity'
    | 'no resource'
  >
  /** Whether programs of the tenant may trust tokens of an issuer: its operator must have named it. */
  federates(issuer: string, tenantId: string): boolean
  /** Lets a principal be proved by a token of another issuer, in the commit that saves what says so. Throws `DirectoryRefused`. */
  trust(transaction: Transaction, principalId: string, words: FederatedWords): Promise<void>
  distrust(transaction: Transaction, principalId: string, name: string): Promise<void>
}

/** Managed identities as service principals of the directory. */
export const managedIdentities = ({
  directory,
  tokens,
  audiences,
  origins,
  federatedCredentials,
  outsideTokens,
}: Identity): ManagedIdentities => ({
  federates: outsideTokens.federates,
  trust: async (transaction, principalId, words) =>
    void (await federatedCredentials.put(principalId, words, transaction)),
  distrust: (transaction, principalId, name) => federatedCredentials.remove(principalId, name, transaction),
  create: (transaction, principal) => directory.addManaged(transaction, principal),
  remove: (transaction, principalId) => directory.removeManaged(transaction, principalId),
  async tokenFor(principalId, resource, resourceId) {
    const known = await directory.find({ objectId: principalId })
    if (known?.principal.kind !== 'ManagedIdentity' || known.disabled) return 'no identity'
    const { principal } = known
    if (!audiences().some(audience => sameAudience(audience, resource))) return 'no resource'
    const clientId = principal.appId ?? ''
    const [issuer = ''] = issuersOf(origins(), principal.tenantId)
    const grant = { principal, clientId, proof: 'certificate', issuer, resourceId } as const
    return { clientId, ...(await tokens.accessToken(grant, resource)) }
  },
})
