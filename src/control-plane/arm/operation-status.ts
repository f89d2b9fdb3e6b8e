import type { Operation, Operations } from '#operations/operations.ts'
import type { Json } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import { monitorHeaders, RETRY_AFTER } from './operation-urls.ts'
import type { Arm, ArmResponse, Caller, ResourceType } from './resource-type.ts'

/** The type under which a provider's operations are polled: both headers of the first answer lead here, to the end. */
export const operationStatusType = (
  type: string,
  operations: Operations,
  apiVersions: readonly string[],
): ResourceType => ({
  type,
  apiVersions,
  tracked: false,
  async isOpenTo(id, { objectId, tenantId }) {
    const labels = (await operations.find(id.name))?.labels
    return labels?.objectId === objectId && labels.tenantId === tenantId
  },
  computed: {
    async answer(id, request, arm) {
      const operation = await operations.find(id.name)
      const ours =
        operation?.labels.path?.toLowerCase() === `${id.parent.key}/${type.split('/').at(-1)?.toLowerCase()}/`
      if (!operation || !ours) throw armError.resourceNotFound(`${type}/${id.name}`, '<null>')
      return request.query.has('monitor') ? finalAnswer(operation, request, arm) : status(operation)
    },
  },
})

const canceled = () => armError.operationCanceled().toOperationError() as unknown as Json

/** At `Azure-AsyncOperation`: the record itself. */
const status = (operation: Operation): ArmResponse => ({
  status: 200,
  headers: operation.status === 'InProgress' ? RETRY_AFTER : {},
  body: {
    name: operation.id,
    status: operation.status,
    startTime: operation.startTime,
    ...(operation.endTime === undefined ? {} : { endTime: operation.endTime }),
    percentComplete: operation.percentComplete,
    ...(operation.error === undefined ? {} : { error: operation.error as unknown as Json }),
    ...(operation.status === 'Canceled' ? { error: canceled() } : {}),
    ...(operation.output === undefined ? {} : { properties: { output: operation.output as Json } }),
  },
})

/** At `Location`: 202 while it runs, then what the first answer would have been, had it waited. */
export const finalAnswer = async (
  operation: Operation,
  request: { caller: Caller; origin: string; apiVersion?: string },
  arm: Arm,
): Promise<ArmResponse> => {
  const { labels } = operation
  if (operation.status === 'InProgress') {
    const apiVersion = request.apiVersion ?? labels.apiVersion ?? ''
    return { status: 202, headers: monitorHeaders(operation, request.origin, apiVersion) }
  }
  if (operation.status === 'Canceled') return { status: 409, headers: {}, body: { error: canceled() } }
  if (operation.error) return { status: 409, headers: {}, body: { error: operation.error as unknown as Json } }
  if (operation.output !== undefined) return { status: 200, headers: {}, body: operation.output as Json }
  if (labels.method === 'DELETE') return { status: 204, headers: {} }
  if (labels.method === 'POST') return { status: 200, headers: {} } // the JavaScript SDK takes 204 for a failure here
  return arm.send({
    method: 'GET',
    path: labels.resource ?? '',
    apiVersion: labels.apiVersion ?? '',
    caller: request.caller,
    origin: request.origin,
  })
}
