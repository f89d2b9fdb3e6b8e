import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'

const TYPE = 'Microsoft.Resources/subscriptions'

/** A subscription to be stored: what the first start and `opengallery subscription add` make. */
export const subscriptionDocument = (
  subscriptionId: string,
  tenantId: string,
  displayName: string,
  parts: { now: Date; uuid: () => string },
): ResourceDocument => ({
  id: `/subscriptions/${subscriptionId}`,
  key: `/subscriptions/${subscriptionId}`.toLowerCase(),
  type: TYPE,
  name: subscriptionId,
  parentKey: '',
  subscriptionId,
  envelope: {},
  properties: { displayName, tenantId, state: 'Enabled' },
  provisioningState: 'Succeeded',
  hidden: {},
  systemData: {
    createdBy: 'opengallery',
    createdByType: 'Application',
    createdAt: parts.now.toISOString(),
    lastModifiedBy: 'opengallery',
    lastModifiedByType: 'Application',
    lastModifiedAt: parts.now.toISOString(),
  },
  uid: parts.uuid(),
  etag: parts.uuid(),
  version: 1,
})

/** Subscriptions, seen by those who may read something in them. Made by the command line, not over ARM, as in Azure. */
export const subscriptionsType: ResourceType = {
  type: TYPE,
  apiVersions: ['2022-12-01', '2020-01-01', '2019-11-01', '2016-06-01'],
  tracked: false,
  computed: {
    async get(id, _request, arm) {
      const document = await arm.resources.find(id.key)
      return document && shown(document)
    },
    async list(_parent, request, arm) {
      const { documents } = await arm.resources.list({ type: TYPE })
      const readable = await Promise.all(documents.map(document => mayRead(document, request.caller, arm)))
      return documents.filter((_, index) => readable[index]).map(shown)
    },
  },
}

const mayRead = async (document: ResourceDocument, caller: Parameters<Arm['mayDo']>[0], arm: Arm): Promise<boolean> => {
  const id = ResourceId.parse(document.id)
  return id !== undefined && document.properties.tenantId === caller.tenantId && arm.mayDo(caller, `${TYPE}/read`, id)
}

const shown = (document: ResourceDocument): Json => ({
  id: document.id,
  subscriptionId: document.name,
  ...document.properties,
  ...(document.tags === undefined ? {} : { tags: document.tags }),
  authorizationSource: 'RoleBased',
  managedByTenants: [],
  subscriptionPolicies: {
    locationPlacementId: 'Public_2014-09-01',
    quotaId: 'PayAsYouGo_2014-09-01',
    spendingLimit: 'Off',
  },
})
