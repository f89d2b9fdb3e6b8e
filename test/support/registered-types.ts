import assert from 'node:assert/strict'
import type { ResourceType } from '#arm/resource-type.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { providersOf } from '#providers/index.ts'
import { testSigning } from '#providers/Microsoft.Compute/galleries/images/versions/test-signing.ts'

/** The types as main.ts registers them; what they are made of is not touched before a request comes. */
export const registeredTypes = (): readonly ResourceType[] => {
  const untouched = new Proxy({}, { get: () => () => undefined }) as never
  const providers = providersOf({
    registry: () => assert.fail('Nothing is looked up while types are made.'),
    tenants: async () => [],
    signing: testSigning(),
    allowedVhdHosts: [],
    identities: memoryIdentities(),
    publicAddresses: { first: 0, last: 0, prefixLength: 32 },
    homeSubscriptionId: '',
    regions: untouched,
    blobs: untouched,
    catalog: untouched,
    log: untouched,
    hosting: untouched,
    deployments: untouched,
    access: untouched,
    findPrincipal: untouched,
    activityLog: untouched,
  })
  return providers.flatMap(provider => provider.types)
}
