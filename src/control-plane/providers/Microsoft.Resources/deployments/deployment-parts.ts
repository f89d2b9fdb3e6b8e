import type { Registry } from '#arm/registry.ts'
import type { DeploymentStore } from './deployment-store.ts'

/** What deployments work with. */
export interface DeploymentParts {
  readonly registry: () => Registry
  readonly deployments: DeploymentStore
}
