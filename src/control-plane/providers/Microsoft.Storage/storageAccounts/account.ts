import type { Arm, Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { accountError } from './account-errors.ts'
import { keysOf, newKey, withKeys } from './account-keys.ts'
import { accountTypeName, isAccountName, requireFreeName } from './account-names.ts'
import { accountSchema } from './account-schema.ts'
import { listKeys, regenerateKey } from './key-actions.ts'
import { refuseUnservedAccount } from './refuse-unserved.ts'
import { signAccount, signContainerOrBlob } from './sas-actions.ts'

/** Storage accounts: a place for blobs at the data endpoint, reached with its keys or with what they sign. */
export const accountType = (blobs: Blobs): ResourceType => ({
  type: accountTypeName,
  apiVersions: [
    '2025-06-01',
    '2025-01-01',
    '2024-01-01',
    '2023-05-01',
    '2023-01-01',
    '2022-09-01',
    '2021-09-01',
    '2019-06-01',
  ],
  tracked: true,
  schema: accountSchema,
  bodyName: 'storageAccount',
  operationsType: 'Microsoft.Storage/locations/asyncoperations',
  checkName(name) {
    if (!isAccountName(name)) throw accountError.nameInvalid(name)
  },
  plan,
  // Clients take no 202 for this DELETE: the account is gone with its blobs when the answer leaves.
  async planDelete({ document }) {
    await blobs.removeAccount(document.name)
    return {}
  },
  actions: {
    listKeys,
    regenerateKey: regenerateKey(blobs),
    ListAccountSas: signAccount,
    ListServiceSas: signContainerOrBlob,
  },
  async present(document) {
    const [key1, key2] = keysOf(document)
    const properties: JsonObject = {
      ...document.properties,
      keyCreationTime: { key1: key1.creationTime, key2: key2.creationTime },
      primaryEndpoints: { blob: blobs.endpoint(document.name) },
      primaryLocation: document.location,
      statusOfPrimary: 'available',
      privateEndpointConnections: [],
    }
    return { properties }
  },
})

const plan = async (change: Change, arm: Arm): Promise<Plan> => {
  const { wanted, existing } = change
  const document = completed(wanted, arm)
  refuseUnservedAccount(document)
  if (existing) {
    if (existing.provisioningState === 'Succeeded') return { document }
    return { document, work: { kind: 'keep storage account', input: {} } }
  }
  await requireFreeName(arm.resources, wanted)
  const now = arm.clock.now()
  // Clients expect 200 or 202 of a new account, not 201.
  return {
    document: withKeys(document, [newKey(arm.random, now), newKey(arm.random, now)]),
    work: { kind: 'keep storage account', input: {} },
    status: 202,
    // Of two that come at once one has the name: the data endpoint knows accounts by it alone.
    async inCommit(transaction, saved) {
      await requireFreeName(arm.resources, wanted, transaction)
      return saved
    },
  }
}

const defaultAcls = { bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [], defaultAction: 'Allow' }

const completed = (document: ResourceDocument, arm: Arm): ResourceDocument => {
  const { envelope, properties } = document
  const name = (envelope.sku as { name?: string } | undefined)?.name ?? 'Standard_LRS'
  return {
    ...document,
    envelope: {
      ...envelope,
      kind: envelope.kind ?? 'StorageV2',
      sku: { name, tier: name.startsWith('Premium') ? 'Premium' : 'Standard' },
    },
    properties: {
      ...properties,
      accessTier: properties.accessTier ?? (name.startsWith('Premium') ? 'Premium' : 'Hot'),
      networkAcls: properties.networkAcls ?? defaultAcls,
      creationTime: properties.creationTime ?? arm.clock.now().toISOString(),
    },
  }
}
