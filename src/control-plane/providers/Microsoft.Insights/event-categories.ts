import type { ResourceType } from '#arm/resource-type.ts'
import { localizable } from './eventtypes/activity-event.ts'

/** The kinds of events that there are here, as `az monitor activity-log list-categories` asks for them. */
export const eventCategoriesType: ResourceType = {
  type: 'Microsoft.Insights/eventcategories',
  apiVersions: ['2015-04-01'],
  tracked: false,
  openTo: 'tenant',
  computed: {
    list: async () => ['Administrative', 'Security'].map(name => localizable(name)),
  },
}
