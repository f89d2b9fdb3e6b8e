import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { resourceFilter } from '../resource-filter.ts'

const apiVersions = ['2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01']

/** What `az resource list` shows: the tracked resources of a subscription, or of one group. */
const listResources = async (parent: ResourceId, request: ArmRequest, arm: Arm): Promise<readonly Json[]> => {
  const selection = parent.resourceGroup ? { groupKey: parent.key } : { subscriptionId: parent.subscriptionId ?? '' }
  const filter = request.query.get('$filter')
  const keeps = filter ? resourceFilter(filter) : () => true
  const expand = expandOf(request.query.get('$expand'))
  const documents = await listAll(arm.resources, selection)
  return documents.filter(document => isListed(document) && keeps(document)).map(document => shown(document, expand))
}

const EXPANDABLE = ['createdtime', 'changedtime', 'provisioningstate']

const expandOf = (text = ''): ReadonlySet<string> => {
  const asked = text
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
  const unknown = asked.find(name => !EXPANDABLE.includes(name))
  if (unknown) throw armError.invalidQueryParameter('$expand', unknown.slice(0, 50))
  return new Set(asked)
}

const isListed = (document: ResourceDocument) => document.location !== undefined && document.groupKey !== undefined

const shown = (document: ResourceDocument, expand: ReadonlySet<string>): Json => ({
  id: document.id,
  name: document.name,
  type: document.type,
  ...(document.location === undefined ? {} : { location: document.location }),
  ...(document.tags === undefined ? {} : { tags: document.tags }),
  ...document.envelope,
  ...(expand.has('createdtime') ? { createdTime: document.systemData.createdAt } : {}),
  ...(expand.has('changedtime') ? { changedTime: document.systemData.lastModifiedAt } : {}),
  ...(expand.has('provisioningstate') ? { provisioningState: document.provisioningState } : {}),
})

const resourcesType = (type: string): ResourceType => ({
  type,
  apiVersions,
  tracked: false,
  computed: { list: listResources, actionOf: member => `${(member as { type: string }).type}/read` },
})

export const resourceListTypes: readonly ResourceType[] = [
  resourcesType('Microsoft.Resources/subscriptions/resources'),
  resourcesType('Microsoft.Resources/subscriptions/resourceGroups/resources'),
]
