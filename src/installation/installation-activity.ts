import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ActivityLog } from '#activity/activity-log.ts'
import type { Activity, ActivityStatus } from '#activity/activity-record.ts'
import { actorOf } from '#arm/request-activity.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { installationAction } from './installation-actions.ts'

/** Of the many requests that an export or import is made of, the one that begins it is a deed; these go on with it. */
const continuing = new Set(['/opengallery/bundle/chunks', '/opengallery/bundle/seal', '/opengallery/bundle/import/:id'])

/** What is asked of the installation itself, but to read, is written down as it begins, before anything is done, and again when it is answered. */
export const installationActivity = (
  app: FastifyInstance,
  { activityLog, arm, scope }: { activityLog: ActivityLog; arm: Arm; scope: ResourceId },
) => {
  const begun = new WeakMap<FastifyRequest, (status: ActivityStatus, statusCode?: number) => Activity>()
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply
    const activity = begun.get(request)
    if (activity) await activityLog.record(activity(statusCode < 400 ? 'Succeeded' : 'Failed', statusCode))
  })
  return {
    async begun(request: FastifyRequest, mayDo: boolean): Promise<void> {
      const route = request.routeOptions.url ?? ''
      if (request.method === 'GET' || request.method === 'HEAD' || continuing.has(route)) return
      const operationId = arm.random.uuid()
      const of = (status: ActivityStatus, statusCode?: number, errorCode?: string): Activity => ({
        category: 'Administrative',
        action: installationAction(request.method, route),
        resourceId: scope.toString(),
        status,
        ...(statusCode === undefined ? {} : { statusCode }),
        ...(errorCode === undefined ? {} : { errorCode }),
        correlationId: operationId,
        operationId,
        actor: actorOf(request.verified as Caller),
        request: { method: request.method, path: request.url.split('?')[0] ?? '', clientAddress: request.ip },
      })
      if (!mayDo) return activityLog.recordRefusal(of('Failed', 403, 'AuthorizationFailed'))
      await activityLog.record(of('Started'))
      begun.set(request, of)
    },
  }
}
