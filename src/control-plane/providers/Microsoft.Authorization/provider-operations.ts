import { type ActionString, actionsOf, actionsOfType, toldOf, words } from '#arm/action-strings.ts'
import type { Registry } from '#arm/registry.ts'
import type { Provider, ResourceType } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'

const TYPE = 'Microsoft.Authorization/providerOperations'

/** What roles can allow at each provider, as `az provider operation list` asks for it. */
export const providerOperationsType = (registry: () => Registry): ResourceType => ({
  type: TYPE,
  apiVersions: ['2022-04-01', '2018-01-01-preview', '2015-07-01'],
  tracked: false,
  openTo: 'tenant',
  computed: {
    list: async () => registry().providers.map(shown),
    async get(id) {
      const found = registry().providers.find(({ namespace }) => namespace.toLowerCase() === id.name.toLowerCase())
      return found && shown(found)
    },
  },
})

const shown = (provider: Provider): Json => ({
  id: `/providers/${TYPE}/${provider.namespace}`,
  name: provider.namespace,
  type: TYPE,
  displayName: words(provider.namespace),
  resourceTypes: provider.types.map(type => ({
    name: type.type.slice(provider.namespace.length + 1),
    displayName: words(type.type),
    operations: actionsOfType(type).map(operation),
  })),
  operations: actionsOf(provider)
    .filter(({ on }) => on === provider.namespace)
    .map(operation),
})

const operation = ({ action, on, isDataAction }: ActionString): Json => {
  const { operation, description } = toldOf(action, on)
  return { name: action, displayName: operation, description, origin: 'user,system', isDataAction }
}
