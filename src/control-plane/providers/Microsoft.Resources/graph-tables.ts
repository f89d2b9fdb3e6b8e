import type { Registry } from '#arm/registry.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, GraphRow, GraphTable, GraphView, ResourceType } from '#arm/resource-type.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

const SUBSCRIPTION = 'microsoft.resources/subscriptions'
const GROUP = 'microsoft.resources/subscriptions/resourcegroups'
/** So many are read at a time: a query should not hold them all. */
const PAGE = 500

/** What lies in the subscriptions: every tracked resource, and what such resources lie in. */
export const resourceTables = (registry: () => Registry): readonly GraphTable[] => [
  tableOf('Resources', isTracked, registry),
  tableOf('ResourceContainers', isContainer, registry),
]

const isTracked = (document: ResourceDocument) => document.location !== undefined && document.groupKey !== undefined

const isContainer = ({ type }: ResourceDocument) => [SUBSCRIPTION, GROUP].includes(type.toLowerCase())

const tableOf = (
  name: string,
  belongs: (document: ResourceDocument) => boolean,
  registry: () => Registry,
): GraphTable => ({
  name,
  async *rows(view, arm) {
    for (const subscriptionId of view.subscriptionIds) {
      const subscription = await arm.resources.find(`/subscriptions/${subscriptionId}`)
      if (subscription?.properties.tenantId !== view.request.caller.tenantId) continue
      for await (const document of eachDocument(arm.resources, { subscriptionId, limit: PAGE }))
        if (belongs(document) && (await mayRead(document, view, arm)))
          yield await rowOf(document, registry().require(document.type), view, arm)
    }
  },
})

const mayRead = async ({ id, type }: ResourceDocument, { request }: GraphView, arm: Arm): Promise<boolean> => {
  const parsed = ResourceId.parse(id)
  return parsed !== undefined && arm.mayDo(request.caller, `${type}/read`, parsed)
}

const rowOf = async (
  document: ResourceDocument,
  type: ResourceType,
  { request }: GraphView,
  arm: Arm,
): Promise<GraphRow> => {
  const shown = await type.present?.(document, { request, verb: 'list', expand: new Set() }, arm)
  const { id, name, subscriptionId, location, tags, properties, envelope, provisioningState } = document
  return {
    id,
    // A subscription's name is what people call it, as in Azure's table.
    name: isSubscription(document) ? String(properties.displayName) : name,
    type: document.type,
    tenantId: request.caller.tenantId,
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    ...groupOf(document),
    ...(location === undefined ? {} : { location }),
    ...(tags === undefined ? {} : { tags }),
    envelope: shown?.envelope ?? envelope,
    properties: {
      ...(shown?.properties ?? properties),
      ...(isSubscription(document) ? {} : { provisioningState: shown?.provisioningState ?? provisioningState }),
    },
  }
}

const isSubscription = ({ type }: ResourceDocument) => type.toLowerCase() === SUBSCRIPTION

const groupOf = (document: ResourceDocument): { resourceGroup?: string } => {
  const group = ResourceId.parse(document.id)?.resourceGroup
  return group === undefined ? {} : { resourceGroup: group }
}
