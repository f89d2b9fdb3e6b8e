import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { leaveNic } from './find-nics.ts'
import { disksToLeave, leaveDisk, removeResource } from './leave-disk.ts'
import { machineOf, type NicReference, nicsOfMachine } from './machine-document.ts'
import { identityOf } from './machine-identity.ts'
import type { Doing } from './make-disks.ts'
import { toldOfMachine } from './start-machine.ts'

/**
 * Removes a machine. What it wrote to disks that stay becomes theirs; disks, network interfaces and addresses that were to go with it go.
 * Its process is ended without asking the guest, as in Azure.
 */
export const deleteMachine = (parts: ComputeParts): ResourceOperation => ({
  kind: 'delete machine',
  async run({ document, step, signal, report }, arm) {
    const { machines } = parts.hosting
    const { vmId } = machineOf(document)
    await machines.stop(vmId, 0)
    const disks = await step('disks', () => disksToLeave(document, arm))
    for (const disk of disks) await leaveDisk(document, disk, parts, { step, signal }, arm)
    await machines.remove(vmId)
    for (const nic of nicsOfMachine(document)) await leave(document, nic, { step, signal, report }, arm)
    const { principalId } = identityOf(document) ?? {}
    const conclude = async (transaction: Transaction) => {
      if (principalId) await parts.identities.remove(transaction, principalId)
    }
    return { remove: true, conclude }
  },
  explain: toldOfMachine,
})

interface AddressReference {
  readonly id?: string
  readonly properties?: { readonly deleteOption?: string }
}

const leave = async (
  machine: ResourceDocument,
  { id = '', properties }: NicReference,
  { step }: Doing,
  arm: Arm,
): Promise<void> => {
  const addresses = await step(`addresses of ${id}`, () => addressesToGo(machine, id, arm))
  if (addresses === null) return // it is gone, or another machine's
  await step(`leave ${id}`, () => leaveNic(arm, id, machine.id))
  if (properties?.deleteOption !== 'Delete') return
  await step(`delete ${id}`, () => removeResource(id, arm))
  for (const address of addresses) await step(`delete ${address}`, () => removeResource(address, arm))
}

/** Ids of the public addresses that go with a network interface; null for one that is not the machine's. */
const addressesToGo = async (machine: ResourceDocument, id: string, arm: Arm): Promise<readonly string[] | null> => {
  const nic = await arm.resources.find(id.toLowerCase())
  const { virtualMachine, ipConfigurations = [] } = (nic?.properties ?? {}) as {
    virtualMachine?: { id?: string }
    ipConfigurations?: readonly { properties?: { publicIPAddress?: AddressReference } }[]
  }
  if (virtualMachine?.id?.toLowerCase() !== machine.key) return null
  const addresses: string[] = []
  for (const { properties } of ipConfigurations) {
    const { id: addressId, properties: marks } = properties?.publicIPAddress ?? {}
    if (addressId === undefined) continue
    const address = await arm.resources.find(addressId.toLowerCase())
    if (marks?.deleteOption === 'Delete' || address?.properties.deleteOption === 'Delete') addresses.push(addressId)
  }
  return addresses
}
