import type { Caller } from '#arm/resource-type.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { type Neighbour, SUBSCRIPTION, TENANT } from '../../../../../../test/support/test-arm.ts'
import { GALLERY, noise, ofDisk, regions, startTestGallery, type TestGallery, version } from '../test-gallery.ts'

const caller = (tenantId: string, digit: string): Caller => ({
  tenantId,
  objectId: `${digit.repeat(8)}-3333-4333-8333-333333333333`,
  clientId: `${digit.repeat(8)}-4444-4444-8444-444444444444`,
  displayName: `neighbour ${digit}`,
  kind: 'Application',
})

/** Somebody with another subscription of the owner's tenant. */
export const COLLEAGUE: Neighbour = {
  caller: caller(TENANT, 'a'),
  subscriptionId: 'aaaaaaaa-1111-4111-8111-111111111111',
}

export const FOREIGN_TENANT = 'bbbbbbbb-2222-4222-8222-222222222222'

/** Somebody of another tenant. */
export const FOREIGNER: Neighbour = {
  caller: caller(FOREIGN_TENANT, 'b'),
  subscriptionId: 'bbbbbbbb-1111-4111-8111-111111111111',
}

/** Who speaks for that tenant. */
export const FOREIGN_ADMIN: Neighbour = {
  caller: caller(FOREIGN_TENANT, 'c'),
  subscriptionId: 'cccccccc-1111-4111-8111-111111111111',
  isOfTenant: true,
}

/** With whom a gallery is shared. */
export const ofColleague = [{ type: 'Subscriptions', ids: [COLLEAGUE.subscriptionId] }]
export const ofTenant = [{ type: 'AADTenants', ids: [FOREIGN_TENANT] }]

export const UNIQUE_NAME = `${SUBSCRIPTION}-G`
export const COMMUNITY = `${GALLERY}community`

export const at = ({ subscriptionId }: Neighbour, rest: string, location = 'eastus'): string =>
  `/subscriptions/${subscriptionId}/providers/Microsoft.Compute/locations/${location}/${rest}`

export interface TestSharing extends TestGallery {
  /** Waits for the end of a sharing. */
  share(gallery: string, operationType: string, groups?: Json): Promise<JsonObject>
  /** The public name of the community gallery. */
  readonly publicName: string
  /** Empty disks and the like go there. */
  readonly groupOf: (neighbour: Neighbour) => string
}

export const communityInfo = {
  publisherUri: 'https://publisher.example',
  publisherContact: 'images@publisher.example',
  eula: 'https://publisher.example/eula',
  publicNamePrefix: 'pubname',
}

/**
 * A gallery that may be shared with groups, with version 1.0.0 in eastus and westus2 and 1.1.0 in eastus alone; a community gallery
 * with version 2.0.0 in eastus; two neighbours, each with a group.
 */
export const startTestSharing = async (): Promise<TestSharing> => {
  const gallery = { description: 'secret words', sharingProfile: { permissions: 'Groups' } }
  const arm = await startTestGallery({ gallery, neighbours: [COLLEAGUE, FOREIGNER, FOREIGN_ADMIN] })
  const groupOf = ({ subscriptionId }: Neighbour) => `/subscriptions/${subscriptionId}/resourceGroups/theirs`
  for (const neighbour of [COLLEAGUE, FOREIGNER])
    await arm.by(neighbour.caller).done('PUT', groupOf(neighbour), { location: 'eastus' })
  const source = await arm.snapshot('secretSource', noise(1))
  await arm.done('PUT', version('1.0.0'), {
    ...ofDisk(source, regions('eastus', { name: 'westus2', regionalReplicaCount: 3 })),
    tags: { owner: 'secret tag' },
  })
  await arm.done('PUT', version('1.1.0'), ofDisk(source, regions('eastus')))
  const publicName = await startCommunity(arm, source)
  const share = async (path: string, operationType: string, groups?: Json) =>
    (await arm.done('POST', `${path}/share`, {
      operationType,
      ...(groups === undefined ? {} : { groups }),
    })) as JsonObject
  return { ...arm, share, publicName, groupOf }
}

const startCommunity = async (arm: TestGallery, source: string): Promise<string> => {
  const sharingProfile = { permissions: 'Community', communityGalleryInfo: communityInfo }
  const made = await arm.done('PUT', COMMUNITY, {
    location: 'eastus',
    tags: { owner: 'secret tag' },
    properties: { description: 'secret words', sharingProfile },
  })
  await arm.done('PUT', `${COMMUNITY}/images/open`, {
    location: 'eastus',
    tags: { owner: 'secret tag' },
    properties: {
      osType: 'Linux',
      osState: 'Specialized',
      hyperVGeneration: 'V1',
      description: 'secret words',
      eula: 'eula of the image',
      privacyStatementUri: 'https://publisher.example/privacy',
      endOfLifeDate: '2099-01-01T00:00:00Z',
      recommended: { vCPUs: { min: 1, max: 4 }, memory: { min: 1, max: 8 } },
      disallowed: { diskTypes: ['Premium_LRS'] },
      features: [{ name: 'IsHibernateSupported', value: 'False' }],
      identifier: { publisher: 'p', offer: 'o', sku: 's' },
    },
  })
  const body = ofDisk(source, { ...regions('eastus'), endOfLifeDate: '2098-01-01T00:00:00Z' })
  await arm.done('PUT', `${COMMUNITY}/images/open/versions/2.0.0`, body)
  return made.properties.sharingProfile.communityGalleryInfo.publicNames[0]
}
