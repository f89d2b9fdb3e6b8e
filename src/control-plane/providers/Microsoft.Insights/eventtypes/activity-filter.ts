import type { ActivityRecord, ActivityStatus } from '#activity/activity-record.ts'
import { comparisonOf, filterTerms } from '#arm/filter-terms.ts'
import { ResourceId } from '#arm/resource-id.ts'
import { activityError } from './activity-errors.ts'

/** What a `$filter` asks for: what the log can look up, and what is left to be asked of each record. */
export interface ActivityFilter {
  /** ISO 8601. */
  readonly from: string
  readonly to?: string
  readonly correlationId?: string
  matches(record: ActivityRecord): boolean
}

const time = /^eventTimestamp\s+(ge|le)\s+(.+)$/i

type Test = (record: ActivityRecord, wanted: string) => boolean

const same = (found: string, wanted: string) => found.toLowerCase() === wanted.toLowerCase()
const idOf = (record: ActivityRecord) => ResourceId.parse(record.resourceId)
const isAt: Test = (record, wanted) => same(record.resourceId, wanted.replace(/\/+$/, ''))
const statuses: readonly ActivityStatus[] = ['Started', 'Accepted', 'Succeeded', 'Failed', 'Canceled']

/** Names as Azure documents them, and `resourceId`, which az sends. */
const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['resourcegroupname', (record, wanted) => same(idOf(record)?.resourceGroup ?? '', wanted)],
  ['resourceuri', isAt],
  ['resourceid', isAt],
  ['resourceprovider', (record, wanted) => same(record.action.split('/')[0] ?? '', wanted)],
  ['caller', (record, wanted) => [record.actor.name, record.actor.objectId].some(name => same(name, wanted))],
  ['status', (record, wanted) => same(record.status, wanted)],
  // Everything here is of the channel that Azure calls Operation.
  ['eventchannels', (_record, wanted) => /\boperation\b/i.test(wanted)],
])

/**
 * The `$filter` of the activity log: terms with `and` between them, one of which says from when on. Azure gives times with or without
 * quotes and zone; without one they are UTC. Throws for anything else.
 */
export const readActivityFilter = (filter: string | undefined): ActivityFilter => {
  if (filter === undefined) throw activityError.noStart()
  const found: { from?: string; to?: string; correlationId?: string } = {}
  const kept: ((record: ActivityRecord) => boolean)[] = []
  for (const term of filterTerms(filter).map(part => part.replace(/^\((.*)\)$/, '$1').trim())) {
    const refused = () => activityError.badTerm(term.slice(0, 200))
    const [, comparison, text] = time.exec(term) ?? []
    const { field = '', operator, value: wanted = '' } = comparisonOf(term) ?? {}
    const test = operator === 'eq' ? tests.get(field) : undefined
    if (comparison !== undefined && text !== undefined) {
      const name = comparison.toLowerCase() === 'ge' ? 'from' : 'to'
      if (found[name] !== undefined) throw refused()
      found[name] = instantOf(text) ?? refuse(refused())
    } else if (operator === 'eq' && field === 'correlationid') {
      if (found.correlationId !== undefined) throw refused()
      found.correlationId = wanted
    } else if (test) {
      if (field === 'status' && !statuses.some(known => same(known, wanted))) throw refused()
      kept.push(record => test(record, wanted))
    } else throw refused()
  }
  const { from, ...rest } = found
  if (from === undefined) throw activityError.noStart()
  return { from, ...rest, matches: record => kept.every(test => test(record)) }
}

const refuse = (error: Error): never => {
  throw error
}

const instant = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i

const instantOf = (text: string): string | undefined => {
  const [, day, clock = '00:00', zone = 'Z'] = instant.exec(text.replace(/^'(.*)'$/, '$1').trim()) ?? []
  if (day === undefined) return undefined
  // What is behind the milliseconds is cut off by the parser.
  const ms = Date.parse(`${day}T${clock}${zone.toUpperCase()}`)
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}
