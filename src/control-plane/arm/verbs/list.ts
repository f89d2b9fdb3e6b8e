import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import type { Page, Selection } from '#resources/resources.ts'
import { armError } from '../arm-error.ts'
import type { Shows } from '../authorise.ts'
import { present, viewOf } from '../present.ts'
import { encodePath, type ResourceId } from '../resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, ResourceType } from '../resource-type.ts'
import { isOfTenant } from '../tenant-documents.ts'
import type { VerbParts } from './context.ts'
import { requireScope } from './preconditions.ts'

const MAX_PAGE = 10_000

/**
 * GET of a collection, in one page wherever that is bearable: clients are known to read only the first one
 * (terraform-provider-azurerm#13175). Members that the caller may not read are left out.
 */
export const list = async (
  type: ResourceType,
  parent: ResourceId,
  request: ArmRequest,
  parts: VerbParts,
  shows: Shows | undefined,
): Promise<ArmResponse> => {
  const { arm } = parts
  await requireScope(parent, arm)
  if (type.computed) return listComputed(type, parent, request, parts, shows)
  const nested = type.type.split('/').length > 2 && !type.type.startsWith('Microsoft.Resources/subscriptions')
  if (nested && !(await arm.resources.find(parent.key))) throw armError.parentResourceNotFound(parent.names.join('/'))
  const selection = { ...selectionOf(type, parent, nested), limit: pageSize(request), ...afterOf(request) }
  const page = shows ? await shownPage(type, selection, shows, arm) : await arm.resources.list(selection)
  const view = viewOf(type, request, 'list')
  const value = await Promise.all(
    matching(type, page.documents, request)
      .filter(document => isOfTenant(document, request.caller))
      .map(document => present(type, document, view, arm)),
  )
  const next = page.next === undefined ? {} : { nextLink: nextLink(type, parent, request, page.next) }
  return { status: 200, headers: {}, body: { value, ...next } }
}

/** So many reads for one answer; one that is short leads on by its `nextLink`. */
const MAX_READS = 20

/** As many members as a page has, of those that are shown: reads on behind those that are not. */
const shownPage = async (
  type: ResourceType,
  selection: Selection & { limit: number },
  shows: Shows,
  { resources }: Arm,
): Promise<Page> => {
  const documents: ResourceDocument[] = []
  let next = selection.after
  for (let reads = 0; reads < MAX_READS; reads++) {
    const limit = selection.limit - documents.length
    const page = await resources.list({ ...selection, limit, ...(next === undefined ? {} : { after: next }) })
    documents.push(...page.documents.filter(({ id }) => shows(`${type.type}/read`, id)))
    next = page.next
    if (next === undefined || documents.length === selection.limit) break
  }
  return { documents, ...(next === undefined ? {} : { next }) }
}

const selectionOf = (type: ResourceType, parent: ResourceId, nested: boolean): Selection => {
  if (nested || type.listsOwnScope || parent.toString() === '') return { type: type.type, parentKey: parent.key }
  if (parent.resourceGroup) return { type: type.type, groupKey: parent.key }
  return { type: type.type, subscriptionId: parent.subscriptionId ?? '' }
}

const matching = (type: ResourceType, documents: readonly ResourceDocument[], request: ArmRequest) => {
  const filter = request.query.get('$filter')
  if (!filter) return documents
  if (!type.filter) throw armError.invalidFilter(filter.slice(0, 200))
  return documents.filter(type.filter(filter))
}

const pageSize = (request: ArmRequest, most = MAX_PAGE): number => {
  const top = request.query.get('$top')
  if (top === undefined) return most
  const size = Number(top)
  if (!Number.isInteger(size) || size < 1) throw armError.invalidQueryParameter('$top', top.slice(0, 50))
  return Math.min(size, most)
}

const afterOf = (request: ArmRequest): { after?: string } => {
  const token = request.query.get('$skiptoken')
  return token === undefined ? {} : { after: Buffer.from(token, 'base64url').toString() }
}

const nextLink = (type: ResourceType, parent: ResourceId, request: ArmRequest, after: string): string => {
  const [namespace = '', ...types] = type.type.split('/')
  const segment = types.at(-1) ?? ''
  // A deployment lies in a subscription, and is none of the subscription's own type.
  const isOwn = `${parent.type}/${segment}`.toLowerCase() === type.type.toLowerCase()
  const path = isOwn ? `${parent}/${segment}` : `${parent}/providers/${namespace}/${segment}`
  const query = new URLSearchParams([...request.query].filter(([name]) => name !== '$skiptoken'))
  query.set('$skiptoken', Buffer.from(after).toString('base64url'))
  return `${request.origin}${encodePath(path)}?${query}`
}

const listComputed = async (
  type: ResourceType,
  parent: ResourceId,
  request: ArmRequest,
  { arm }: VerbParts,
  shows: Shows | undefined,
) => {
  if (type.computed?.one) return { status: 200, headers: {}, body: await type.computed.one(parent, request, arm) }
  if (type.computed?.page) return { status: 200, headers: {}, body: await type.computed.page(parent, request, arm) }
  if (!type.computed?.list) throw armError.methodNotAllowed(request.method, type.type)
  const members = await type.computed.list(parent, request, arm)
  const action = (member: Json) => type.computed?.actionOf?.(member) ?? `${type.type}/read`
  const shown = shows ? members.filter(member => shows(action(member), idOf(member))) : members
  const value: readonly Json[] = shown.slice(0, pageSize(request, shown.length))
  return { status: 200, headers: {}, body: type.computed.bareList ? value : { value } }
}

const idOf = (member: Json): string => String((member as { id?: Json } | null)?.id ?? '')
