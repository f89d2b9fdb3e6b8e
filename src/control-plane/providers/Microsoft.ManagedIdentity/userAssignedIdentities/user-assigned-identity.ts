import { Type } from 'typebox'
import { refuseUnserved } from '#arm/refuse-unserved.ts'
import type { Arm, Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import { identityError } from './identity-errors.ts'

const shown = () => Type.Optional(Type.String({ readOnly: true }))

const schema = Type.Object({
  properties: Type.Optional(
    Type.Object({
      tenantId: shown(),
      principalId: shown(),
      clientId: shown(),
      isolationScope: Type.Optional(Type.Enum(['None', 'Regional'])),
      assignmentRestrictions: Type.Optional(Type.Unknown()),
      provisioningState: shown(),
    }),
  ),
})

const unserved = [
  ['isolationScope', 'A managed identity for one region only', (value: unknown) => value !== 'None'],
  ['assignmentRestrictions', 'A restriction of where a managed identity may be assigned'],
] as const

/** More than an identity may have. */
const MOST_NESTED = 100

/** User-assigned identities: each is a service principal of the directory, made and removed in the resource's own commit. */
export const userAssignedIdentityType = (identities: ManagedIdentities): ResourceType => ({
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  apiVersions: [
    '2024-11-30',
    '2023-07-31-preview',
    '2023-01-31',
    '2022-01-31-preview',
    '2021-09-30-preview',
    '2018-11-30',
  ],
  tracked: true,
  schema,
  bodyName: 'identity',
  linkedActions: ['assign/action'],
  checkName(name) {
    if (!/^[A-Za-z0-9][-\w]{2,127}$/.test(name)) throw identityError.nameInvalid(name.slice(0, 150))
  },
  plan: (change, arm) => plan(change, arm, identities),
  // What trusts whom goes with it, as in Azure.
  deletesNested: true,
  planDelete: async ({ document }, arm) => ({
    async inCommit(transaction) {
      for (const id of await arm.resources.childIds(document.key, MOST_NESTED, transaction))
        await arm.resources.remove(transaction, id.toLowerCase())
      await identities.remove(transaction, String(document.properties.principalId))
    },
  }),
})

const plan = async ({ wanted, existing, id }: Change, arm: Arm, identities: ManagedIdentities): Promise<Plan> => {
  refuseUnserved(wanted.properties, unserved)
  if (existing) return { document: wanted }
  const subscription = id.subscription && (await arm.resources.find(id.subscription.key))
  const principal = {
    tenantId: String(subscription?.properties.tenantId),
    principalId: arm.random.uuid(),
    clientId: arm.random.uuid(),
  }
  return {
    document: { ...wanted, properties: { ...wanted.properties, ...principal } },
    async inCommit(transaction, document) {
      await identities.create(transaction, { ...principal, displayName: document.name })
      return document
    },
  }
}
