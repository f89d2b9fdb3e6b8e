import type { ResourceDocument } from '#resources/resource-document.ts'
import { hiddenOf } from './machine-document.ts'

export type IdentityType = 'None' | 'SystemAssigned' | 'UserAssigned' | 'SystemAssigned, UserAssigned'

export interface UserAssigned {
  readonly principalId: string
  readonly clientId: string
}

/** Whom a machine can speak as, as its document shows it. */
export interface MachineIdentity {
  readonly type: IdentityType
  /** Of the system-assigned one. */
  readonly principalId?: string
  readonly tenantId?: string
  /** By the ids of their resources. */
  readonly userAssignedIdentities?: Readonly<Record<string, UserAssigned>>
}

/** The identities of a machine; `undefined` for one without. */
export const identityOf = (machine: ResourceDocument | undefined): MachineIdentity | undefined => {
  const identity = machine?.envelope.identity as MachineIdentity | undefined
  return identity && identity.type !== 'None' ? identity : undefined
}

/** A principal that a machine's guest can have tokens of. */
export interface MachinePrincipal extends UserAssigned {
  /** Of the machine itself where the principal is its own, else of the user-assigned identity. */
  readonly resourceId: string
  readonly isOwn: boolean
}

/** The principals of a machine, its own first. */
export const principalsOf = (machine: ResourceDocument): readonly MachinePrincipal[] => {
  const { principalId, userAssignedIdentities = {} } = identityOf(machine) ?? {}
  const clientId = hiddenOf(machine).identityClientId ?? ''
  const assigned = Object.entries(userAssignedIdentities)
  return [
    ...(principalId ? [{ principalId, clientId, resourceId: machine.id, isOwn: true }] : []),
    ...assigned.map(([resourceId, ids]) => ({ ...ids, resourceId, isOwn: false })),
  ]
}
