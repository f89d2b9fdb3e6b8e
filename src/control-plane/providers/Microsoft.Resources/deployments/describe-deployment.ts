import type { JsonObject } from '#resources/resource-document.ts'
import type { OpenTemplate } from '#templates/open-template.ts'
import type { PlannedResource } from '#templates/planned-resource.ts'
import { memberOf } from '#templates/values.ts'

/** What a deployment shows of its template: which providers serve it, and what waits for what. */
export const describeDeployment = (opened: OpenTemplate): JsonObject => ({
  providers: providersOf(opened),
  dependencies: dependenciesOf(opened),
})

const providersOf = ({ resources }: OpenTemplate): JsonObject[] => {
  const byNamespace = Map.groupBy(made(resources), ({ type }) => type.split('/')[0] ?? '')
  return [...byNamespace].map(([namespace, ofOne]) => {
    const byType = Map.groupBy(ofOne, ({ type }) => type.slice(namespace.length + 1))
    const resourceTypes = [...byType].map(([resourceType, ofType]) => ({
      resourceType,
      locations: [...new Set(ofType.map(locationOf))],
    }))
    return { namespace, resourceTypes }
  })
}

/** As written, if it is a plain text; what an expression comes to is said by the resource itself. */
const locationOf = ({ raw }: PlannedResource): string | null => {
  const location = memberOf(raw, 'location')
  return typeof location === 'string' && !location.startsWith('[') ? location : null
}

const dependenciesOf = ({ resources, dependencies }: OpenTemplate): JsonObject[] =>
  made(resources).flatMap(resource => {
    const dependsOn = made([...(dependencies.get(resource) ?? [])]).map(named)
    return dependsOn.length === 0 ? [] : [{ dependsOn, ...named(resource) }]
  })

/** Resources that the deployment makes: not those that are only referred to or whose condition says no. */
export const made = (resources: readonly PlannedResource[]): PlannedResource[] =>
  resources.filter(({ isWanted, isExisting }) => isWanted && !isExisting)

export const named = ({ id, type, name }: Pick<PlannedResource, 'id' | 'type' | 'name'>) => ({
  id,
  resourceType: type,
  resourceName: name,
})
