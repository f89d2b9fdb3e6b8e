import type { ResourceDocument } from '#resources/resource-document.ts'

/** A subscription to be stored: what a first start makes, and what an alias of Microsoft.Subscription is a name of. */
export const subscriptionDocument = (
  subscriptionId: string,
  tenantId: string,
  displayName: string,
  parts: { now: Date; uuid: () => string },
): ResourceDocument => ({
  id: `/subscriptions/${subscriptionId}`,
  key: `/subscriptions/${subscriptionId}`.toLowerCase(),
  type: 'Microsoft.Resources/subscriptions',
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
