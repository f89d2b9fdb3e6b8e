import { armError } from '#arm/arm-error.ts'
import { isObject } from '#arm/read-body.ts'
import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change, Plan } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { asHidden } from './machine-document.ts'
import { type IdentityType, identityOf, type MachineIdentity, type UserAssigned } from './machine-identity.ts'
import { machineIdentityError } from './machine-identity-errors.ts'

const MAX_ASSIGNED = 100
const identityType = 'microsoft.managedidentity/userassignedidentities'

/** What a request makes of a machine's identities. */
interface PlannedIdentity {
  readonly shown: MachineIdentity | undefined
  /** The client id of a system-assigned identity, which Azure does not show; null without one. */
  readonly clientId?: string | null
  /** Makes or removes the machine's own principal, in the commit that saves its document. */
  inCommit(transaction: Transaction): Promise<void>
}

/** Adds what becomes of the machine's identities to the plan of everything else. */
export const withIdentity = ({ inCommit, ...plan }: Plan, { shown, clientId, ...identity }: PlannedIdentity): Plan => {
  const { identity: _, ...envelope } = plan.document.envelope
  const hidden = clientId === undefined ? {} : asHidden({ identityClientId: clientId })
  return {
    ...plan,
    document: {
      ...plan.document,
      envelope: { ...envelope, ...(shown ? { identity: shown as unknown as JsonObject } : {}) },
      hidden: { ...plan.document.hidden, ...hidden },
    },
    async inCommit(transaction, document) {
      await identity.inCommit(transaction)
      return (await inCommit?.(transaction, document)) ?? document
    },
  }
}

/** As Azure shows it; az sends it without the space. */
const spelled = (type: string): IdentityType => type.replace(/,\s*/, ', ') as IdentityType

interface SentIdentity {
  readonly type?: string
  readonly userAssignedIdentities?: Readonly<Record<string, Json>> | null
}

/**
 * The rules of `identity`. What a request leaves out stays. A PUT names all user-assigned identities, a PATCH those that come and, with
 * null for a value, those that go, as in Azure. Throws unless each that is named is there and the caller may assign it.
 */
export const planIdentity = async (
  change: Change,
  arm: Arm,
  identities: ManagedIdentities,
): Promise<PlannedIdentity> => {
  const before = identityOf(change.existing)
  const sent = change.given.identity as SentIdentity | null | undefined
  if (sent === undefined) return { shown: before, inCommit: async () => {} }
  const type = sent === null ? 'None' : spelled(sent.type ?? before?.type ?? 'None')
  const assigned = await assignedBy(change, type, sent ?? {}, arm)
  const own = await planOwn(type.includes('SystemAssigned'), before, change, arm, identities)
  if (type === 'None') return { ...own, shown: undefined }
  const { principalId, tenantId } = own
  const users = assigned.size > 0 ? { userAssignedIdentities: Object.fromEntries(assigned) } : {}
  return { ...own, shown: { type, ...(principalId && tenantId ? { principalId, tenantId } : {}), ...users } }
}

interface OwnIdentity extends Omit<PlannedIdentity, 'shown'> {
  readonly principalId?: string | undefined
  readonly tenantId?: string | undefined
}

/** The system-assigned identity: one for as long as the machine is to have one. */
const planOwn = async (
  isWanted: boolean,
  before: MachineIdentity | undefined,
  { id, wanted }: Change,
  arm: Arm,
  identities: ManagedIdentities,
): Promise<OwnIdentity> => {
  const { principalId, tenantId } = before ?? {}
  if (isWanted && principalId) return { principalId, tenantId, inCommit: async () => {} }
  if (!isWanted)
    return {
      clientId: null,
      inCommit: async transaction => {
        if (principalId) await identities.remove(transaction, principalId)
      },
    }
  const principal = {
    tenantId: await tenantOf(id, arm),
    principalId: arm.random.uuid(),
    clientId: arm.random.uuid(),
    displayName: wanted.name,
  }
  return { ...principal, inCommit: transaction => identities.create(transaction, principal) }
}

/** The tenant of a machine's subscription. */
export const tenantOf = async ({ subscription }: ResourceId, arm: Pick<Arm, 'resources'>): Promise<string> =>
  String((subscription && (await arm.resources.find(subscription.key)))?.properties.tenantId)

/** The user-assigned identities that a machine has after a request, by the ids of their resources. */
const assignedBy = async (
  change: Change,
  type: IdentityType,
  { userAssignedIdentities: sent }: SentIdentity,
  arm: Arm,
): Promise<ReadonlyMap<string, UserAssigned>> => {
  const before = Object.entries(identityOf(change.existing)?.userAssignedIdentities ?? {})
  const named = Object.entries(sent ?? {})
  if (named.length > MAX_ASSIGNED) throw machineIdentityError.tooMany(MAX_ASSIGNED)
  const after = new Map<string, UserAssigned>(change.verb === 'PATCH' || !sent ? before : [])
  for (const [id, value] of named) {
    const known = before.find(([one]) => one.toLowerCase() === id.toLowerCase())
    if (known) after.delete(known[0])
    if (value === null) continue
    if (!isObject(value)) throw machineIdentityError.valueInvalid(id.slice(0, 300))
    if (!type.includes('UserAssigned')) throw machineIdentityError.idsUnexpected(type)
    after.set(...((await findAssigned(id, change, arm)) ?? known ?? gone(change.wanted, id)))
  }
  if (!type.includes('UserAssigned')) return new Map()
  if (after.size === 0) throw machineIdentityError.idsMissing()
  if (after.size > MAX_ASSIGNED) throw machineIdentityError.tooMany(MAX_ASSIGNED)
  return after
}

const gone = ({ id: machine }: ResourceDocument, id: string): never => {
  throw machineIdentityError.missing(machine, id)
}

const findAssigned = async (
  reference: string,
  change: Change,
  arm: Arm,
): Promise<readonly [string, UserAssigned] | undefined> => {
  const id = ResourceId.parse(reference)
  if (id?.type.toLowerCase() !== identityType)
    throw armError.invalidResourceReference(reference, 'identity.userAssignedIdentities')
  await requireLinked(arm, change, 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', id)
  const found = await arm.resources.find(id.key)
  if (!found) return undefined
  const { principalId, clientId } = found.properties
  return [found.id, { principalId: String(principalId), clientId: String(clientId) }]
}
