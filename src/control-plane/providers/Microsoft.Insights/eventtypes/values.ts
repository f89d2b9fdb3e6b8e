import type { ActivityLog, StoredActivity } from '#activity/activity-log.ts'
import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, Caller, ResourceType } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import { activityError } from './activity-errors.ts'
import { activityEvent, selectOf } from './activity-event.ts'
import { type ActivityFilter, readActivityFilter } from './activity-filter.ts'

const PAGE = 200
/** How many records are looked at for one page: a filter that fits few gets short pages, and no request takes long. */
const MOST_LOOKED_AT = 5000
const READ_AT_ONCE = 500

const READ = 'Microsoft.Insights/eventtypes/values/read'

/** The activity log of a subscription, or of what is outside of all: newest first. */
export const activityValuesType = (log: ActivityLog): ResourceType => ({
  type: 'Microsoft.Insights/eventtypes/values',
  apiVersions: ['2015-04-01', '2017-03-01-preview', '2014-04-01'],
  tracked: false,
  computed: {
    async page(parent, request, arm) {
      if (parent.name.toLowerCase() !== 'management')
        throw armError.notServed(`The kind of events '${parent.name.slice(0, 100)}'`)
      const filter = readActivityFilter(request.query.get('$filter'))
      const select = selectOf(request.query.get('$select'))
      const { found, next } = await page(log, parent, filter, request, arm)
      return {
        value: found.map(stored => select(activityEvent(stored, request.origin))),
        ...(next === undefined ? {} : { nextLink: nextLink(parent, request, next) }),
      }
    },
  },
})

type Place = Pick<StoredActivity, 'sequence'> & { readonly at: string }

const page = async (
  log: ActivityLog,
  parent: ResourceId,
  filter: ActivityFilter,
  request: ArmRequest,
  arm: Arm,
): Promise<{ found: StoredActivity[]; next?: Place }> => {
  const { subscriptionId } = parent
  const mayRead = readable(parent, request.caller, arm)
  const { matches, ...where } = filter
  const found: StoredActivity[] = []
  let behind = placeOf(request.query.get('$skiptoken'))
  for (let lookedAt = 0; lookedAt < MOST_LOOKED_AT; lookedAt += READ_AT_ONCE) {
    const from = behind ? { behind } : {}
    const scope = subscriptionId === undefined ? {} : { subscriptionId }
    const batch = await log.list({ ...where, ...scope, ...from, limit: READ_AT_ONCE })
    for (const stored of batch) {
      behind = { at: stored.record.at, sequence: stored.sequence }
      if (matches(stored.record) && (await mayRead(stored))) found.push(stored)
      if (found.length === PAGE) return { found, next: behind }
    }
    if (batch.length < READ_AT_ONCE) return { found }
  }
  return { found, ...(behind ? { next: behind } : {}) }
}

/**
 * Who may read the log of the whole scope reads all of it; else what happened where the caller may read it. What is outside of all
 * subscriptions is told to its own tenant only.
 */
const readable = (parent: ResourceId, caller: Caller, arm: Arm) => {
  const answers = new Map<string, Promise<boolean>>()
  const whole = arm.mayDo(caller, READ, parent)
  return async ({ record }: StoredActivity): Promise<boolean> => {
    if (parent.subscriptionId === undefined && record.actor.tenantId !== caller.tenantId) return false
    if (await whole) return true
    const scope = ResourceId.parse(record.resourceId)
    const known = answers.get(record.resourceId) ?? (scope ? arm.mayDo(caller, READ, scope) : Promise.resolve(false))
    answers.set(record.resourceId, known)
    return known
  }
}

const placeOf = (token: string | undefined): Place | undefined => {
  if (token === undefined) return undefined
  const [at = '', sequence = ''] = Buffer.from(token, 'base64url').toString().split(' ')
  if (!/^\d{1,15}$/.test(sequence) || Number.isNaN(Date.parse(at))) throw activityError.badSkipToken()
  return { at, sequence: Number(sequence) }
}

const nextLink = (parent: ResourceId, request: ArmRequest, { at, sequence }: Place): Json => {
  const query = new URLSearchParams([...request.query].filter(([name]) => name !== '$skiptoken'))
  query.set('$skipToken', Buffer.from(`${at} ${sequence}`).toString('base64url'))
  return `${request.origin}${parent}/values?${query}`
}
