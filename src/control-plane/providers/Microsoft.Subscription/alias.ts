import type { Access } from '#access/access.ts'
import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, Caller, ResourceType } from '#arm/resource-type.ts'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import type { Transaction } from '#foundation/database.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { type AliasBody, readAlias } from './read-alias.ts'
import { subscriptionError } from './subscription-errors.ts'

/** A principal that is to own a subscription. */
type Owner = Parameters<Access['seedOwner']>[1]

export interface SubscriptionParts {
  readonly access: Pick<Access, 'seedOwner'>
  tenants(): Promise<readonly { tenantId: string }[]>
  /** What has an object id, and in which tenant. */
  findPrincipal(
    objectId: string,
  ): Promise<{ readonly tenantId: string; readonly type: Owner['principalType'] } | undefined>
  /** Whoever owns the installation owns this one. */
  readonly homeSubscriptionId: string
}

const TYPE = 'Microsoft.Subscription/aliases'
const SUBSCRIPTIONS = 'Microsoft.Resources/subscriptions'

/** What a subscription keeps of an alias. */
interface Alias {
  readonly name: string
  /** The tenant that the alias is a name in. */
  readonly tenantId: string
  readonly workload: string
  readonly billingScope: string | null
  readonly createdAt: string
  /** Who was made the owner under this name. */
  readonly ownerId: string | null
}

/** Names under which subscriptions were asked for: asking again under the same name makes no second one. Each tenant has its own. */
export const aliasesType = (parts: SubscriptionParts): ResourceType => ({
  type: TYPE,
  apiVersions: ['2021-10-01', '2020-09-01'],
  tracked: false,
  computed: {
    async get(id, { caller }, arm) {
      const found = await findAlias(id.name, caller.tenantId, arm)
      if (!found) throw subscriptionError.aliasNotFound(id.name)
      return shown(found)
    },
    list: async (_parent, { caller }, arm) => (await aliasesOf(caller.tenantId, arm)).map(shown),
    async write(verb, id, request, arm) {
      if (verb === 'PATCH') throw armError.methodNotAllowed('PATCH', TYPE)
      const { tenantId } = request.caller
      const found = await findAlias(id.name, tenantId, arm)
      if (found) return { status: 200, headers: {}, body: shown(found) }
      return putAlias(id.name, request, arm, parts)
    },
    async remove(id, request, arm): Promise<ArmResponse> {
      const { tenantId } = request.caller
      return arm.transact(async transaction => {
        const found = await findAlias(id.name, tenantId, arm, transaction)
        if (!found) return { status: 204, headers: {} }
        const { document } = found
        const aliases = aliasesIn(document).filter(alias => !isNamed(alias, id.name, tenantId)) as never
        await arm.resources.update(transaction, { ...document, hidden: { ...document.hidden, aliases } })
        await request.activity?.note(transaction, 'Succeeded', 200)
        return { status: 200, headers: {}, isWrittenDown: true }
      })
    },
  },
})

const putAlias = async (
  name: string,
  request: ArmRequest,
  arm: Arm,
  parts: SubscriptionParts,
): Promise<ArmResponse> => {
  if (!/^[\w.-]{1,63}$/.test(name))
    throw subscriptionError.bodyInvalid('The name of an alias has 1 to 63 letters, digits, - _ and .')
  const wanted = readAlias(request.body)
  const { caller } = request
  const { tenantId } = caller
  const { workload, billingScope } = wanted
  const alias: Alias = {
    name,
    tenantId,
    workload,
    billingScope,
    createdAt: arm.clock.now().toISOString(),
    ownerId: null,
  }
  const save = wanted.subscriptionId
    ? await nameExisting(wanted.subscriptionId, alias, caller, arm)
    : makeSubscription(await ownerOf(wanted, caller, arm, parts), wanted, alias, arm, parts)
  return arm.transact(async transaction => {
    // Somebody may have asked for the same name meanwhile: then this is asking again.
    const known = await findAlias(name, tenantId, arm, transaction)
    if (known) return { status: 200, headers: {}, body: shown(known) }
    const made = await save(transaction)
    await request.activity?.note(transaction, 'Succeeded', 201)
    return { status: 201, headers: {}, body: shown(made), isWrittenDown: true }
  })
}

/** Saves a subscription under its new alias. */
type Save = (transaction: Transaction) => Promise<FoundAlias>

/** Who is to own it: somebody of its tenant, the caller unless another is named. */
const ownerOf = async (
  wanted: AliasBody,
  caller: Caller,
  arm: Arm,
  parts: SubscriptionParts,
): Promise<Owner | { tenantId: string }> => {
  const tenantId = wanted.tenantId ?? caller.tenantId
  const home = ResourceId.tenant.child('subscriptions', parts.homeSubscriptionId)
  if (tenantId !== caller.tenantId && !(await arm.mayDo(caller, 'OpenGallery/installation/manageTenants/action', home)))
    throw subscriptionError.otherTenant(tenantId)
  if (!(await parts.tenants()).some(tenant => tenant.tenantId === tenantId))
    throw subscriptionError.unknownTenant(tenantId)
  const objectId = wanted.ownerId ?? (tenantId === caller.tenantId ? caller.objectId : '')
  // The administrators of another tenant own everything in it already.
  if (objectId === '') return { tenantId }
  const found = await parts.findPrincipal(objectId)
  if (found?.tenantId !== tenantId) throw subscriptionError.unknownOwner(objectId)
  return { tenantId, objectId, principalType: found.type }
}

const makeSubscription = (
  owner: Owner | { tenantId: string },
  wanted: AliasBody,
  unowned: Alias,
  arm: Arm,
  parts: SubscriptionParts,
): Save => {
  const alias = 'objectId' in owner ? { ...unowned, ownerId: owner.objectId } : unowned
  const times = { now: arm.clock.now(), uuid: arm.random.uuid }
  const plain = subscriptionDocument(arm.random.uuid(), owner.tenantId, wanted.displayName ?? alias.name, times)
  const document = { ...plain, hidden: { aliases: [alias as never] }, ...(wanted.tags && { tags: wanted.tags }) }
  return async transaction => {
    await arm.resources.insert(transaction, document)
    if ('objectId' in owner) await parts.access.seedOwner(transaction, owner, document.id)
    return { document, alias }
  }
}

/** A second name for a subscription that is there, by who may rename it. */
const nameExisting = async (subscriptionId: string, alias: Alias, caller: Caller, arm: Arm): Promise<Save> => {
  const id = ResourceId.tenant.child('subscriptions', subscriptionId)
  const action = 'Microsoft.Subscription/rename/action'
  const mayRename = await arm.mayDo(caller, action, id)
  return async transaction => {
    const existing = await arm.resources.find(id.key, transaction)
    if (!mayRename || existing?.properties.tenantId !== caller.tenantId)
      throw armError.authorizationFailed(caller.clientId, caller.objectId, action, `${id}`)
    const aliases = [...aliasesIn(existing), alias] as never
    const document = { ...existing, hidden: { ...existing.hidden, aliases } }
    return { document: await arm.resources.update(transaction, document), alias }
  }
}

const isNamed = (alias: Alias, name: string, tenantId: string): boolean =>
  alias.tenantId === tenantId && alias.name.toLowerCase() === name.toLowerCase()

const aliasesIn = ({ hidden }: ResourceDocument): readonly Alias[] => (hidden.aliases ?? []) as never

interface FoundAlias {
  readonly document: ResourceDocument
  readonly alias: Alias
}

const aliasesOf = async (tenantId: string, arm: Arm, transaction?: Transaction): Promise<FoundAlias[]> => {
  const documents = await listAll(arm.resources, { type: SUBSCRIPTIONS }, transaction)
  return documents.flatMap(document =>
    aliasesIn(document)
      .filter(alias => alias.tenantId === tenantId)
      .map(alias => ({ document, alias })),
  )
}

const findAlias = async (
  name: string,
  tenantId: string,
  arm: Arm,
  transaction?: Transaction,
): Promise<FoundAlias | undefined> =>
  (await aliasesOf(tenantId, arm, transaction)).find(({ alias }) => isNamed(alias, name, tenantId))

const shown = ({ document, alias }: FoundAlias): Json => {
  const properties: JsonObject = {
    subscriptionId: document.name,
    displayName: document.properties.displayName,
    provisioningState: 'Succeeded',
    workload: alias.workload,
    billingScope: alias.billingScope,
    subscriptionOwnerId: alias.ownerId,
    createdTime: alias.createdAt,
  }
  return { id: `/providers/${TYPE}/${alias.name}`, name: alias.name, type: TYPE, properties }
}
