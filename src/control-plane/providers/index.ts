import type { Provider } from '#arm/resource-type.ts'
import { type AuthorizationParts, authorizationProvider } from './Microsoft.Authorization/provider.ts'
import { type ComputeParts, computeProvider } from './Microsoft.Compute/provider.ts'
import { type InsightsParts, insightsProvider } from './Microsoft.Insights/provider.ts'
import { type ManagedIdentityParts, managedIdentityProvider } from './Microsoft.ManagedIdentity/provider.ts'
import { type NetworkParts, networkProvider } from './Microsoft.Network/provider.ts'
import { resourceGraphProvider } from './Microsoft.ResourceGraph/provider.ts'
import { type ResourcesParts, resourcesProvider } from './Microsoft.Resources/provider.ts'
import { storageProvider } from './Microsoft.Storage/provider.ts'
import type { SubscriptionParts } from './Microsoft.Subscription/alias.ts'
import { subscriptionProvider } from './Microsoft.Subscription/provider.ts'

/** Every provider that is served: one line each. */
export const providersOf = (
  parts: ResourcesParts &
    AuthorizationParts &
    ComputeParts &
    NetworkParts &
    ManagedIdentityParts &
    InsightsParts &
    SubscriptionParts,
): readonly Provider[] => [
  resourcesProvider(parts),
  authorizationProvider(parts),
  computeProvider(parts),
  storageProvider(parts),
  networkProvider(parts),
  managedIdentityProvider(parts),
  subscriptionProvider(parts),
  insightsProvider(parts),
  resourceGraphProvider(parts.registry),
]
