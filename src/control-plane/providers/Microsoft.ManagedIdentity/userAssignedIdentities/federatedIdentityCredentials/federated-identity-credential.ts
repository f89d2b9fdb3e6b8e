import { Type } from 'typebox'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import { DirectoryRefused } from '#identity/directory-refused.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { identityError } from '../identity-errors.ts'

const schema = Type.Object({
  properties: Type.Object({
    issuer: Type.String(),
    subject: Type.String(),
    audiences: Type.Array(Type.String(), { minItems: 1, maxItems: 1 }),
    provisioningState: Type.Optional(Type.String({ readOnly: true })),
  }),
})

/** Whose tokens stand for a user-assigned identity: a CI job signs in as it without a secret. */
export const federatedIdentityCredentialType = (identities: ManagedIdentities): ResourceType => ({
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
  apiVersions: ['2024-11-30', '2023-07-31-preview', '2023-01-31', '2022-01-31-preview'],
  tracked: false,
  schema,
  bodyName: 'federatedIdentityCredential',
  plan: (change, arm) => plan(change, arm, identities),
  planDelete: async ({ id, document }, arm) => {
    const principalId = await principalOf(id, arm)
    return { inCommit: transaction => identities.distrust(transaction, principalId, document.name) }
  },
})

const plan = async ({ wanted, id, parent }: Change, arm: Arm, identities: ManagedIdentities): Promise<Plan> => {
  const { issuer, subject, audiences } = wanted.properties as { issuer: string; subject: string; audiences: string[] }
  if (!identities.federates(issuer, String(parent?.properties.tenantId)))
    throw identityError.issuerNotAccepted(issuer.slice(0, 200))
  const principalId = await principalOf(id, arm)
  const [audience = ''] = audiences
  return {
    document: wanted,
    async inCommit(transaction: Transaction, document: ResourceDocument) {
      const words = { name: document.name, issuer, subject, audience, description: null }
      await identities.trust(transaction, principalId, words).catch(explain)
      return document
    },
  }
}

const explain = (error: unknown): never => {
  if (error instanceof DirectoryRefused) throw identityError.credentialRefused(error.message)
  throw error
}

const principalOf = async (id: ResourceId, arm: Arm): Promise<string> =>
  String((await arm.resources.find(id.parent.key))?.properties.principalId)
