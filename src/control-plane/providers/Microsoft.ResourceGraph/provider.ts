import type { Registry } from '#arm/registry.ts'
import type { Provider, ResourceType } from '#arm/resource-type.ts'
import { answerQuery } from './answer-query.ts'
import { type GraphQuery, graphQuerySchema } from './graph-query.ts'

const apiVersions = ['2024-04-01', '2022-10-01', '2021-03-01', '2019-04-01']

/** Everything that providers say about their resources, as tables that can be queried. */
export const resourceGraphProvider = (registry: () => Registry): Provider => ({
  namespace: 'Microsoft.ResourceGraph',
  types: [resourcesType],
  operations: [],
  actions: {
    resources: {
      // Whoever has a token may ask: rows that the caller may not read are not there.
      permission: 'resources/read',
      openTo: 'tenant',
      body: graphQuerySchema,
      run: ({ body, request }, arm) =>
        answerQuery(
          body as unknown as GraphQuery,
          request,
          registry().providers.flatMap(({ graphTables = [] }) => graphTables),
          arm,
        ),
    },
  },
})

/** Named so that clients find the api-versions; there is nothing below it. */
const resourcesType: ResourceType = {
  type: 'Microsoft.ResourceGraph/resources',
  apiVersions,
  tracked: false,
  computed: {},
}
