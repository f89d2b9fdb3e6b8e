import type { ActivityLog } from '#activity/activity-log.ts'
import { NOBODY } from '#activity/activity-record.ts'
import type { Random } from '#foundation/random.ts'
import type { SignedIn } from '#identity/signed-in.ts'

/** Sign-ins belong to no subscription: they are in the activity log of the tenant. Who guesses from one address is written down only so often. */
export const signInActivity =
  (activityLog: ActivityLog, random: Random) =>
  async ({ clientId, userName, remote, principal, refusal }: SignedIn): Promise<void> => {
    const operationId = random.uuid()
    const name = principal?.userPrincipalName ?? userName ?? clientId
    const activity = {
      category: 'Security',
      action: 'OpenGallery/signIns/action',
      resourceId: '/',
      status: refusal === undefined ? 'Succeeded' : 'Failed',
      ...(refusal === undefined ? {} : { errorCode: refusal }),
      correlationId: operationId,
      operationId,
      actor: {
        name,
        objectId: principal?.objectId ?? NOBODY,
        applicationId: clientId,
        tenantId: principal?.tenantId ?? NOBODY,
        kind: (principal?.userPrincipalName ?? userName) === undefined ? 'Application' : 'User',
      },
      request: { method: 'POST', path: '/oauth2/token', clientAddress: remote },
    } as const
    await (refusal === undefined ? activityLog.record(activity) : activityLog.recordRefusal(activity, remote))
  }
