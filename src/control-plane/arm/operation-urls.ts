import type { Operation } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { encodePath } from './resource-id.ts'
import type { ArmRequest, ResourceType } from './resource-type.ts'

/**
 * How soon a client should ask again. `Retry-After` knows whole seconds only, a fraction of it breaks az 2.45 in silence and its
 * absence means 30 s; `retry-after-ms` is obeyed by every version.
 */
export const RETRY_AFTER = { 'retry-after-ms': '100' } as const

/** Where the operations of a type are polled, without query. */
const operationPath = (operationsType: string, subscriptionId: string, location: string, id: string): string => {
  const [namespace, ...types] = operationsType.split('/')
  if (types[0] === 'locations')
    return `/subscriptions/${subscriptionId}/providers/${namespace}/locations/${location}/${types[1]}/${id}`
  return `/subscriptions/${subscriptionId}/${types.at(-1)}/${id}`
}

/** Operations of a type that has a nested type for them are polled below the resource. */
const ownPath = (type: ResourceType, document: ResourceDocument): string | undefined =>
  type.operationsType?.startsWith(`${type.type}/`)
    ? `${document.id}${type.operationsType.slice(type.type.length)}/`
    : undefined

/** What is kept with an operation so that its polls can be answered after a restart. */
export const operationLabels = (
  type: ResourceType,
  document: ResourceDocument,
  request: ArmRequest,
): Record<string, string> => ({
  path:
    ownPath(type, document) ??
    operationPath(
      type.operationsType ?? 'Microsoft.Resources/subscriptions/operationresults',
      document.subscriptionId ?? '',
      document.location ?? 'global',
      '',
    ),
  method: request.method,
  resource: document.key,
  apiVersion: request.apiVersion,
  objectId: request.caller.objectId,
  clientId: request.caller.clientId,
  tenantId: request.caller.tenantId,
  callerName: request.caller.displayName,
  callerKind: request.caller.kind,
  origin: request.origin,
  ...request.activity?.labels,
})

/** The headers of an answer that leaves before its work is done: absolute, because Go's SDK refuses relative ones. */
export const operationHeaders = (operation: Operation, request: ArmRequest): Record<string, string> => {
  const { origin, apiVersion } = request
  return {
    'azure-asyncoperation': `${pollUrl(operation, origin)}?api-version=${apiVersion}`,
    ...monitorHeaders(operation, origin, apiVersion),
  }
}

/** Where the final answer will be, and when to look for it. */
export const monitorHeaders = (operation: Operation, origin: string, apiVersion: string): Record<string, string> => ({
  location: `${pollUrl(operation, origin)}?monitor=true&api-version=${apiVersion}`,
  ...RETRY_AFTER,
})

const pollUrl = ({ id, labels }: Operation, origin: string) => `${origin}${encodePath(labels.path ?? '')}${id}`
