import type { ActivityLog } from '#activity/activity-log.ts'
import { armCallerOf } from '#arm/authenticate.ts'
import { actorOf } from '#arm/request-activity.ts'
import type { Random } from '#foundation/random.ts'
import type { DirectoryChange } from '#graph/directory-change.ts'

/** Users, groups, applications and their secrets belong to no subscription: what is done to them is in the activity log of the tenant. */
export const directoryActivity =
  (activityLog: ActivityLog, random: Random) =>
  async ({ caller, method, kind, object, status, remote }: DirectoryChange): Promise<void> => {
    const operationId = random.uuid()
    const isDone = status < 400
    const activity = {
      category: 'Administrative',
      action: `Microsoft.Graph/${kind}/${method === 'DELETE' ? 'delete' : 'write'}`,
      resourceId: `/providers/Microsoft.Graph${object}`,
      status: isDone ? 'Succeeded' : 'Failed',
      statusCode: status,
      correlationId: operationId,
      operationId,
      actor: actorOf(armCallerOf(caller)),
      request: { method, path: `/msgraph/v1.0${object}`, clientAddress: remote },
    } as const
    await (isDone ? activityLog.record(activity) : activityLog.recordRefusal(activity))
  }
