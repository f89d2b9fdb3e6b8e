import type { Provider } from '#arm/resource-type.ts'
import { type ComputeParts, computeProvider } from './Microsoft.Compute/provider.ts'
import { type ResourcesParts, resourcesProvider } from './Microsoft.Resources/provider.ts'
import { storageProvider } from './Microsoft.Storage/provider.ts'

/** Every provider that is served: one line each. */
export const providersOf = (parts: ResourcesParts & ComputeParts): readonly Provider[] => [
  resourcesProvider(parts),
  computeProvider(parts),
  storageProvider(parts),
]
