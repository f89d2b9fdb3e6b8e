import { armAudiences, sameAudience } from './audiences.ts'
import type { ManagedIdentities } from './managed-identities.ts'
import type { ManagedPrincipal } from './principal.ts'

/** Managed identities that are kept in memory, with tokens that nobody accepts; `https://issuer.example` may be trusted. For tests. */
export const memoryIdentities = (
  principals: Map<string, ManagedPrincipal> = new Map(),
): ManagedIdentities & { readonly principals: ReadonlyMap<string, ManagedPrincipal> } => ({
  principals,
  federates: issuer => issuer === 'https://issuer.example',
  trust: async () => {},
  distrust: async () => {},
  create: async (_transaction, principal) => void principals.set(principal.principalId, principal),
  remove: async (_transaction, principalId) => void principals.delete(principalId),
  async tokenFor(principalId, resource, resourceId) {
    const principal = principals.get(principalId)
    if (!principal) return 'no identity'
    if (!armAudiences([]).some(audience => sameAudience(audience, resource))) return 'no resource'
    return { token: `token of ${resourceId}`, clientId: principal.clientId, expiresInSeconds: 3600 }
  },
})
