import type { Registry } from '#arm/registry.ts'
import type { Provider } from '#arm/resource-type.ts'
import { providerTypes } from './providers.ts'
import { locationsType } from './subscriptions/locations.ts'
import { deleteGroup } from './subscriptions/resourceGroups/delete-group.ts'
import { resourceGroupsType } from './subscriptions/resourceGroups/resource-group.ts'
import { resourceListTypes } from './subscriptions/resources.ts'
import { subscriptionsType } from './subscriptions/subscription.ts'
import { tagNameTypes } from './subscriptions/tag-names.ts'
import { tagsType } from './tags.ts'
import { tenantsType } from './tenants.ts'

export interface ResourcesParts {
  readonly registry: () => Registry
  readonly tenants: () => Promise<readonly { tenantId: string; displayName: string }[]>
}

/** Tenants, subscriptions, groups, and what is said about all other resources. */
export const resourcesProvider = ({ registry, tenants }: ResourcesParts): Provider => ({
  namespace: 'Microsoft.Resources',
  types: [
    tenantsType(tenants),
    subscriptionsType,
    locationsType,
    resourceGroupsType,
    ...resourceListTypes,
    tagsType,
    ...tagNameTypes,
    ...providerTypes(registry),
  ],
  operations: [deleteGroup],
})
