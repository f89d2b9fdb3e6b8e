import type { ActivityLog } from '#activity/activity-log.ts'
import type { Provider } from '#arm/resource-type.ts'
import { eventCategoriesType } from './event-categories.ts'
import { activityValuesType } from './eventtypes/values.ts'

export interface InsightsParts {
  readonly activityLog: ActivityLog
}

/** Who did what: the activity log. */
export const insightsProvider = ({ activityLog }: InsightsParts): Provider => ({
  namespace: 'Microsoft.Insights',
  types: [activityValuesType(activityLog), eventCategoriesType],
  operations: [],
})
