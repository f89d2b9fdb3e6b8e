import type { Registry } from '#arm/registry.ts'
import type { Provider } from '#arm/resource-type.ts'
import { deploymentType, forgetDeployment } from './deployments/deployment.ts'
import type { DeploymentStore } from './deployments/deployment-store.ts'
import { deploymentOperationsType } from './deployments/operations/operation.ts'
import { runDeployment } from './deployments/run-deployment.ts'
import { resourceTables } from './graph-tables.ts'
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
  readonly deployments: DeploymentStore
  readonly tenants: () => Promise<readonly { tenantId: string; displayName: string; domains: readonly string[] }[]>
}

/** Tenants, subscriptions, groups, and what is said about all other resources. */
export const resourcesProvider = ({ registry, tenants, deployments }: ResourcesParts): Provider => ({
  namespace: 'Microsoft.Resources',
  types: [
    tenantsType(tenants),
    subscriptionsType,
    locationsType,
    resourceGroupsType(registry),
    ...resourceListTypes,
    tagsType,
    ...tagNameTypes,
    ...providerTypes(registry),
    deploymentType({ registry, deployments }),
    deploymentOperationsType({ registry, deployments }),
  ],
  graphTables: resourceTables(registry),
  operations: [deleteGroup, runDeployment({ registry, deployments }), forgetDeployment({ registry, deployments })],
})
