import type { ActivityLog } from '#activity/activity-log.ts'
import type { Activity, ActivityStatus, Actor } from '#activity/activity-record.ts'
import type { Operation } from '#operations/operations.ts'
import { ArmError } from './arm-error.ts'
import type { RawRequest } from './raw-request.ts'
import type { ResourceId } from './resource-id.ts'
import type { ArmResponse, Caller, RequestActivity } from './resource-type.ts'

const LONGEST_PATH = 2048

/** What a request does, as it is written down. */
interface Deed {
  readonly raw: RawRequest
  readonly caller: Caller
  readonly action: string
  readonly scope: ResourceId
}

/** Reads leave no trace, as in Azure: whoever only looks changes nothing. */
export const isWrittenDown = (action: string): boolean => !/\/read$/i.test(action)

export const actorOf = ({ displayName, objectId, clientId, tenantId, kind }: Caller): Actor => ({
  name: displayName,
  objectId,
  applicationId: clientId,
  tenantId,
  kind,
})

/** A request's part of the activity log. `random` names it where the client did not. */
export const requestActivity = (
  { raw, caller, action, scope }: Deed,
  log: ActivityLog,
  random: { uuid(): string },
): RequestActivity & { finish(run: () => Promise<ArmResponse>): Promise<ArmResponse> } => {
  const operationId = random.uuid()
  const correlationId = raw.headers['x-ms-correlation-request-id'] ?? operationId
  const resourceId = (scope.toString() || '/').slice(0, LONGEST_PATH)
  const of = (status: ActivityStatus, statusCode: number, errorCode?: string): Activity => ({
    category: 'Administrative',
    action,
    resourceId,
    status,
    statusCode,
    ...(errorCode === undefined ? {} : { errorCode }),
    correlationId,
    operationId,
    actor: actorOf(caller),
    request: requestOf(raw),
  })
  return {
    labels: { action, resourceId, correlationId, operationId },
    note: (transaction, status, statusCode) => log.append(transaction, of(status, statusCode)),
    async finish(run) {
      try {
        const { isWrittenDown: isDone, ...answer } = await run()
        if (isDone !== true) await log.record(of(statusOf(answer), answer.status, codeIn(answer)))
        return answer
      } catch (error) {
        const refusal = error instanceof ArmError ? error : { status: 500, code: 'InternalServerError' }
        await log.recordRefusal(of('Failed', refusal.status, refusal.code))
        throw error
      }
    },
  }
}

/** The end of work that a request began: by whom, and on what, stands with the operation. */
export const endOfWork = (
  operation: Operation,
  status: ActivityStatus,
  fallback: { readonly action: string; readonly resourceId: string; readonly actor: Actor },
  errorCode?: string,
): Activity => {
  const { action, resourceId, correlationId, operationId, callerName, objectId, clientId, tenantId, callerKind } =
    operation.labels
  const actor: Actor | undefined =
    objectId === undefined
      ? undefined
      : {
          name: callerName ?? '',
          objectId,
          applicationId: clientId ?? '',
          tenantId: tenantId ?? '',
          kind: callerKind === 'User' ? 'User' : 'Application',
        }
  return {
    category: 'Administrative',
    action: action ?? fallback.action,
    resourceId: resourceId ?? fallback.resourceId,
    status,
    ...(errorCode === undefined ? {} : { errorCode }),
    correlationId: correlationId ?? operation.id,
    operationId: operationId ?? operation.id,
    actor: actor ?? fallback.actor,
  }
}

const requestOf = (raw: RawRequest): NonNullable<Activity['request']> => {
  const clientRequestId = raw.headers['x-ms-client-request-id']
  const isSane = clientRequestId !== undefined && /^[\w-]{1,64}$/.test(clientRequestId)
  return {
    method: raw.method,
    path: (raw.url.split('?')[0] ?? '').slice(0, LONGEST_PATH),
    ...(raw.remoteAddress === '' ? {} : { clientAddress: raw.remoteAddress }),
    ...(isSane ? { clientRequestId } : {}),
  }
}

const statusOf = ({ status }: ArmResponse): ActivityStatus =>
  status >= 400 ? 'Failed' : status === 202 ? 'Accepted' : 'Succeeded'

const codeIn = ({ status, body }: ArmResponse): string | undefined => {
  if (status < 400) return undefined
  const code = (body as { error?: { code?: unknown } } | undefined)?.error?.code
  return typeof code === 'string' ? code : undefined
}
