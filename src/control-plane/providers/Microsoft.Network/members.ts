import type { TSchema } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import { mergeBody } from '#arm/merge-body.ts'
import { isObject, readBody } from '#arm/read-body.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, Plan, ResourceType } from '#arm/resource-type.ts'
import { nodeOf } from '#arm/schema-marks.ts'
import { decideAnew } from '#arm/verbs/decide-anew.ts'
import { checkPreconditions } from '#arm/verbs/preconditions.ts'
import type { Transaction } from '#foundation/database.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { networkApiVersions } from './api-versions.ts'
import { checkName, type Referrer } from './checks.ts'
import { networkError } from './network-errors.ts'

/** A nested resource as its parent's document holds it. */
export interface Member {
  readonly name: string
  readonly properties: JsonObject
}

/** A nested type whose resources are a list in the parent's document: one document, read and written as a whole or in parts. */
export interface MemberKind {
  /** `Microsoft.Network/virtualNetworks/subnets` */
  readonly type: string
  /** The parent's property: `subnets`. */
  readonly list: string
  /** What Azure calls the body: `subnet`. */
  readonly bodyName: string
  /** Of the body without name: `Type.Object({ properties })`. */
  readonly schema: TSchema
  /** The parent's rules, for a parent with this list. */
  planParent(wanted: ResourceDocument, existing: ResourceDocument, by: Referrer, arm: Arm): Promise<Plan>
  present(member: Member, parent: ResourceDocument): JsonObject
}

export const membersOf = (parent: ResourceDocument, list: string): readonly Member[] =>
  (parent.properties[list] ?? []) as unknown as readonly Member[]

export const sameName = (name: string) => (member: Member) => member.name.toLowerCase() === name.toLowerCase()

/** A member as it stands in the parent's body and as its own GET gives it. */
export const shownMember = (kind: MemberKind, member: Member, parent: ResourceDocument): JsonObject => ({
  name: member.name,
  id: `${parent.id}/${kind.type.split('/').at(-1)}/${member.name}`,
  etag: `W/"${parent.etag}"`,
  type: kind.type,
  properties: { provisioningState: parent.provisioningState, ...kind.present(member, parent) },
})

/** The list of a parent's body, each member checked and completed as a PUT of its own would be. Throws `DuplicateResourceName`. */
export const readMembers = (kind: MemberKind, wanted: ResourceDocument, existing?: ResourceDocument): Member[] => {
  const before = existing ? membersOf(existing, kind.list) : []
  const seen = new Set<string>()
  return membersOf(wanted, kind.list).map(({ name, properties }) => {
    checkName(name)
    if (seen.has(name.toLowerCase())) throw networkError.duplicateMember(wanted.id, name)
    seen.add(name.toLowerCase())
    return completed(kind, name, { properties: properties ?? {} }, before.find(sameName(name)))
  })
}

const completed = (kind: MemberKind, name: string, given: JsonObject, existing: Member | undefined): Member => {
  const stored = existing && { properties: existing.properties }
  const { properties } = mergeBody(nodeOf(kind.schema), stored, given, 'PUT', kind.bodyName)
  return { name: existing?.name ?? name, properties: (properties ?? {}) as JsonObject }
}

/** The nested type itself: its GET, LIST, PUT and DELETE read and write the parent's document. */
export const memberType = (kind: MemberKind): ResourceType => ({
  type: kind.type,
  apiVersions: networkApiVersions,
  tracked: false,
  computed: {
    async get(id, _request, arm) {
      const parent = await arm.resources.find(id.parent.key)
      const member = parent && membersOf(parent, kind.list).find(sameName(id.name))
      return member && shownMember(kind, member, parent)
    },
    async list(parentId, _request, arm) {
      const parent = await requireParent(parentId, arm)
      return membersOf(parent, kind.list).map(member => shownMember(kind, member, parent))
    },
    async write(verb, id, request, arm) {
      if (verb === 'PATCH') throw armError.methodNotAllowed('PATCH', kind.type)
      return decideAnew(() => write(kind, id, request, arm), request.headers['if-match'] !== undefined)
    },
    async preview(id, request, arm) {
      const { member, plan } = await decide(kind, id, request, arm)
      return { status: 200, headers: {}, body: shownMember(kind, member, plan.document) }
    },
    remove: (id, request, arm) => decideAnew(() => remove(kind, id, request, arm)),
  },
})

/** In the commit that saves the parent: what hung on members that are gone (roles, locks) goes with them. */
export const forgetGone = async (
  list: string,
  existing: ResourceDocument | undefined,
  document: ResourceDocument,
  arm: Arm,
  transaction: Transaction,
): Promise<void> => {
  const stays = membersOf(document, list)
  for (const { name } of existing ? membersOf(existing, list) : [])
    if (!stays.some(sameName(name)))
      await arm.resources.remove(transaction, `${document.key}/${list}/${name}`.toLowerCase())
}

const requireParent = async (id: ResourceId, arm: Arm): Promise<ResourceDocument> => {
  const parent = await arm.resources.find(id.key)
  if (!parent) throw armError.parentResourceNotFound(id.names.join('/'))
  return parent
}

const write = async (kind: MemberKind, id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse> => {
  const { member, existing, plan } = await decide(kind, id, request, arm)
  const status = existing ? 200 : 201
  const saved = await save(plan, status, request, arm)
  const headers = { etag: `"${saved.etag}"` }
  return { status, headers, body: shownMember(kind, member, saved), isWrittenDown: true }
}

/** What a PUT makes of the parent, before anything is saved. */
const decide = async (kind: MemberKind, id: ResourceId, request: ArmRequest, arm: Arm) => {
  const parent = await requireParent(id.parent, arm)
  const members = membersOf(parent, kind.list)
  const existing = members.find(sameName(id.name))
  checkPreconditions(request, id, existing && parent)
  if (!existing) checkName(id.name)
  const member = completed(kind, id.name, readMember(kind, request), existing)
  const changed = existing ? members.map(one => (one === existing ? member : one)) : [...members, member]
  const plan = await planWith(kind, parent, changed, { id: id.inCaseOf(kind.type), request }, arm)
  return { member, existing, plan }
}

const remove = async (kind: MemberKind, id: ResourceId, request: ArmRequest, arm: Arm): Promise<ArmResponse> => {
  const parent = await arm.resources.find(id.parent.key)
  const members = parent ? membersOf(parent, kind.list) : []
  const existing = members.find(sameName(id.name))
  checkPreconditions(request, id, existing && parent)
  if (!parent || !existing) return { status: 204, headers: {} }
  const others = members.filter(member => member !== existing)
  const plan = await planWith(kind, parent, others, { id: id.inCaseOf(kind.type), request }, arm)
  await save(plan, 200, request, arm)
  return { status: 200, headers: {}, isWrittenDown: true }
}

/** What a client sends back of a nested resource beside its properties, as it got it. */
const ECHOED = new Set(['id', 'name', 'type', 'etag'])

const readMember = (kind: MemberKind, { body }: ArmRequest): JsonObject => {
  if (body === undefined) throw armError.missingRequestBody()
  if (!isObject(body)) throw armError.invalidRequestContent('the body must be a JSON object')
  const rest = Object.entries(body).filter(([name]) => !ECHOED.has(name.toLowerCase()))
  return readBody(nodeOf(kind.schema), Object.fromEntries(rest), { path: kind.bodyName, keepNull: false })
}

const planWith = (
  kind: MemberKind,
  parent: ResourceDocument,
  members: readonly Member[],
  by: Referrer,
  arm: Arm,
): Promise<Plan> => {
  const properties = { ...parent.properties, [kind.list]: members as unknown as Json }
  return kind.planParent({ ...parent, properties, etag: arm.random.uuid() }, parent, by, arm)
}

const save = (plan: Plan, status: number, request: ArmRequest, arm: Arm): Promise<ResourceDocument> =>
  arm.transact(async transaction => {
    const settled = (await plan.inCommit?.(transaction, plan.document)) ?? plan.document
    await request.activity?.note(transaction, 'Succeeded', status)
    return arm.resources.update(transaction, settled)
  })
