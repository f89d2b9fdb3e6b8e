import { invariant } from '#foundation/invariant.ts'
import { armError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'
import type { ComputedAction, Provider, ResourceType } from './resource-type.ts'

/** The registered providers and types, found in any case. */
export interface Registry {
  readonly providers: readonly Provider[]
  /** Throws `InvalidResourceNamespace` or `InvalidResourceType`. */
  require(type: string): ResourceType
  /** An action on a provider (`/subscriptions/S/providers/NS/checkNameAvailability`). */
  findProviderAction(id: ResourceId, action: string): ComputedAction | undefined
}

export const makeRegistry = (providers: readonly Provider[]): Registry => {
  const types = new Map<string, ResourceType>()
  const byNamespace = new Map(providers.map(provider => [provider.namespace.toLowerCase(), provider]))
  for (const type of providers.flatMap(provider => provider.types)) {
    invariant(!types.has(type.type.toLowerCase()), `Two providers register ${type.type}.`)
    types.set(type.type.toLowerCase(), type)
  }
  return {
    providers,
    require(type) {
      const found = types.get(type.toLowerCase())
      if (found) return found
      const [namespace = '', ...rest] = type.split('/')
      if (!byNamespace.has(namespace.toLowerCase())) throw armError.invalidResourceNamespace(namespace)
      throw armError.noRegisteredProvider(namespace, rest.join('/'))
    },
    findProviderAction(id, action) {
      if (!/^microsoft\.resources\/(subscriptions\/)?providers$/i.test(id.type)) return undefined
      return findIgnoringCase(byNamespace.get(id.name.toLowerCase())?.actions, action)
    },
  }
}

/** The member of that name in any case. */
export const findIgnoringCase = <T>(members: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  Object.entries(members ?? {}).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1]
