import { ResourceId } from '#arm/resource-id.ts'
import type { ResourceType } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'

const TYPE = 'Microsoft.Resources/subscriptions'

/** Subscriptions, seen by those who have any role in them. Made by Microsoft.Subscription. */
export const subscriptionsType: ResourceType = {
  type: TYPE,
  apiVersions: ['2022-12-01', '2020-01-01', '2019-11-01', '2016-06-01'],
  tracked: false,
  openTo: 'tenant',
  computed: {
    async get(id, _request, arm) {
      const document = await arm.resources.find(id.key)
      return document && shown(document)
    },
    async list(_parent, request, arm) {
      const documents = await listAll(arm.resources, { type: TYPE })
      const scopeOf = ({ name }: ResourceDocument) => ResourceId.tenant.child('subscriptions', name)
      const seen = documents.filter(document => arm.hasRights(request.caller, scopeOf(document)))
      // Whoever logs in with az works in the first one: that must not be another because one is added.
      return seen.toSorted((a, b) => madeAt(a).localeCompare(madeAt(b))).map(shown)
    },
  },
}

const madeAt = ({ systemData }: ResourceDocument): string => systemData.createdAt

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
