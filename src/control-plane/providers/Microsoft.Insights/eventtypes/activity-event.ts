import { STATUS_CODES } from 'node:http'
import type { StoredActivity } from '#activity/activity-log.ts'
import type { ActivityRecord } from '#activity/activity-record.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { activityError } from './activity-errors.ts'

export const localizable = (value: string, localizedValue = value): JsonObject => ({ value, localizedValue })

/** A record in the shape of Azure's events (api-version 2015-04-01). */
export const activityEvent = ({ record }: StoredActivity, origin: string): JsonObject => {
  const { actor, action, at, id, status } = record
  const resource = ResourceId.parse(record.resourceId)
  const [provider = ''] = action.split('/')
  const isBeginning = status === 'Started'
  return {
    authorization: { action, scope: record.resourceId },
    caller: actor.name,
    channels: 'Operation',
    claims: claimsOf(record),
    correlationId: record.correlationId,
    description: '',
    eventDataId: id,
    eventName: isBeginning ? localizable('BeginRequest', 'Begin request') : localizable('EndRequest', 'End request'),
    category: localizable(record.category),
    eventTimestamp: at,
    id: `${record.resourceId === '/' ? '' : record.resourceId}/events/${id}/ticks/${ticksOf(at)}`,
    level: status === 'Failed' ? 'Error' : 'Informational',
    operationId: record.operationId,
    operationName: localizable(action),
    ...(resource?.resourceGroup === undefined ? {} : { resourceGroupName: resource.resourceGroup }),
    resourceProviderName: localizable(provider),
    resourceType: localizable(resource?.type ?? ''),
    resourceId: record.resourceId,
    status: localizable(status),
    subStatus: subStatusOf(record),
    submissionTimestamp: at,
    ...(resource?.subscriptionId === undefined ? {} : { subscriptionId: resource.subscriptionId }),
    tenantId: actor.tenantId,
    ...(record.request ? { httpRequest: requestOf(record.request, origin) } : {}),
    properties: propertiesOf(record),
    relatedEvents: [],
  }
}

/** Only what `$select` names, where it is there. */
export const selectOf = (select: string | undefined): ((event: JsonObject) => JsonObject) => {
  if (select === undefined) return event => event
  const wanted = select.split(',').map(name => name.trim().toLowerCase())
  for (const name of wanted) if (!properties.has(name)) throw activityError.badSelect(name.slice(0, 100))
  return event => Object.fromEntries(Object.entries(event).filter(([name]) => wanted.includes(name.toLowerCase())))
}

const properties = new Set(
  'authorization caller channels claims correlationId description eventDataId eventName category eventTimestamp id level operationId operationName resourceGroupName resourceProviderName resourceType resourceId status subStatus submissionTimestamp subscriptionId tenantId httpRequest properties relatedEvents'
    .toLowerCase()
    .split(' '),
)

const CLAIM = 'http://schemas.microsoft.com/identity/claims'
const USER_NAME = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn'

const claimsOf = ({ actor }: ActivityRecord): JsonObject => ({
  appid: actor.applicationId,
  [`${CLAIM}/objectidentifier`]: actor.objectId,
  [`${CLAIM}/tenantid`]: actor.tenantId,
  ...(actor.kind === 'User' ? { [USER_NAME]: actor.name } : {}),
})

/** `Created (HTTP Status Code: 201)`, as Azure shows it; the value is without blanks. */
const subStatusOf = ({ statusCode }: ActivityRecord): JsonObject => {
  if (statusCode === undefined) return localizable('')
  const words = STATUS_CODES[statusCode] ?? String(statusCode)
  return localizable(words.replaceAll(/\W/g, ''), `${words} (HTTP Status Code: ${statusCode})`)
}

const requestOf = (request: NonNullable<ActivityRecord['request']>, origin: string): JsonObject => ({
  ...(request.clientRequestId === undefined ? {} : { clientRequestId: request.clientRequestId }),
  ...(request.clientAddress === undefined ? {} : { clientIpAddress: request.clientAddress }),
  method: request.method,
  uri: `${origin}${request.path}`,
})

const propertiesOf = (record: ActivityRecord): JsonObject => ({
  eventCategory: record.category,
  entity: record.resourceId,
  message: record.action,
  ...(record.statusCode === undefined ? {} : { statusCode: subStatusOf(record).value }),
  ...(record.errorCode === undefined ? {} : { statusMessage: JSON.stringify({ error: { code: record.errorCode } }) }),
  ...(record.unwritten === undefined ? {} : { unwrittenRefusals: String(record.unwritten) }),
})

/** .NET's count of 100 ns since the year 1, in which Azure's event ids are written. */
const ticksOf = (at: string): string => String(BigInt(Date.parse(at)) * 10_000n + 621_355_968_000_000_000n)
