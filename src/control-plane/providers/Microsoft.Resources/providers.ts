import { armError } from '#arm/arm-error.ts'
import type { Registry } from '#arm/registry.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Provider, ResourceType } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'

const apiVersions = ['2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01']

/** The providers that are served, each registered for every subscription from the start. */
const providersType = (type: string, registry: () => Registry): ResourceType => {
  const find = (id: ResourceId) =>
    registry().providers.find(provider => provider.namespace.toLowerCase() === id.name.toLowerCase())
  const get = async (id: ResourceId, arm: Arm) => {
    const provider = find(id)
    return provider && shown(provider, id.parent, arm)
  }
  return {
    type,
    apiVersions,
    tracked: false,
    openTo: 'tenant',
    computed: {
      async get(id, _request, arm) {
        if (!find(id)) throw armError.invalidResourceNamespace(id.name)
        return get(id, arm)
      },
      list: async (parent, _request, arm) => registry().providers.map(provider => shown(provider, parent, arm)),
      actions: {
        register: {
          permission: 'register/action',
          async run({ id }, arm) {
            if (!find(id)) throw armError.invalidResourceNamespace(id.name)
            return get(id, arm)
          },
        },
        unregister: {
          permission: 'unregister/action',
          async run() {
            throw armError.notServed('Unregistering a provider')
          },
        },
      },
    },
  }
}

export const providerTypes = (registry: () => Registry): readonly ResourceType[] => [
  providersType('Microsoft.Resources/subscriptions/providers', registry),
  providersType('Microsoft.Resources/providers', registry),
]

const shown = (provider: Provider, scope: ResourceId, arm: Arm): Json => {
  const locations = arm.locations.map(location => location.displayName)
  return {
    id: `${scope}/providers/${provider.namespace}`,
    namespace: provider.namespace,
    registrationState: 'Registered',
    registrationPolicy: 'RegistrationFree',
    resourceTypes: provider.types.map(type => ({
      resourceType: type.type.slice(provider.namespace.length + 1),
      locations: type.tracked ? locations : [],
      apiVersions: [...type.apiVersions],
      capabilities: type.tracked ? 'SupportsTags, SupportsLocation' : 'None',
    })),
  }
}
