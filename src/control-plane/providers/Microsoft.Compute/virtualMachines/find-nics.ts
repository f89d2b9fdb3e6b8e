import { ArmError } from '#arm/arm-error.ts'
import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { NicReference } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import type { VmSize } from './vm-sizes.ts'

const nicType = 'microsoft.network/networkinterfaces'

/**
 * The network interfaces of a machine, in the form in which they are stored. Throws unless each is there, in the region of the
 * machine, nobody else's, and open to the caller; one of several must be the primary.
 */
export const findNics = async (
  references: readonly NicReference[],
  change: Change,
  arm: Arm,
  size: VmSize,
): Promise<readonly NicReference[]> => {
  if (references.length === 0) throw machineError.nicsRequired()
  if (references.length > size.maxNics) throw machineError.tooManyNics(references.length, size.maxNics, size.name)
  const found: NicReference[] = []
  for (const reference of references) found.push(await findNic(reference, change, arm))
  const primaries = found.filter(nic => nic.properties?.primary).length
  const isTwice = new Set(found.map(nic => nic.id?.toLowerCase())).size < found.length
  if (isTwice) throw machineError.valueInvalid('networkInterfaces')
  if (found.length === 1) return found.map(nic => asPrimary(nic))
  if (primaries !== 1) throw machineError.onePrimaryNic(change.wanted.name)
  return found
}

const findNic = async (reference: NicReference, change: Change, arm: Arm): Promise<NicReference> => {
  const { id: wanted } = change
  const id = ResourceId.parse(reference.id ?? '')
  if (id?.type.toLowerCase() !== nicType) throw machineError.valueInvalid('networkInterfaces.id')
  await requireLinked(arm, change, 'Microsoft.Network/networkInterfaces/join/action', id)
  const nic = await arm.resources.find(id.key)
  if (!nic || nic.location !== change.wanted.location) throw machineError.nicMissing(id.toString(), change.wanted.id)
  const owner = ownerOf(nic)
  if (owner !== undefined && owner.toLowerCase() !== wanted.key) throw machineError.nicInUse(nic.id, owner)
  return { ...reference, id: nic.id }
}

const asPrimary = (nic: NicReference): NicReference => ({
  id: nic.id ?? '',
  properties: { ...nic.properties, primary: nic.properties?.primary ?? true },
})

/** Id of the machine that has a network interface. */
export const ownerOf = (nic: ResourceDocument): string | undefined =>
  (nic.properties as { virtualMachine?: { id?: string } }).virtualMachine?.id

/** Tells a network interface whose it is. Repeatable. Throws when it is another one's by now. */
export const joinNic = async (arm: Arm, { id = '', properties }: NicReference, machineId: string): Promise<void> =>
  tell(arm, id, { virtualMachine: { id: machineId }, primary: properties?.primary ?? false })

/** Tells a network interface that a machine has let go of it; one that is gone, or another machine's, is fine. */
export const leaveNic = async (arm: Arm, id: string, machineId: string): Promise<void> =>
  tell(arm, id, { virtualMachine: null, from: { id: machineId } }, 404)

const tell = async (arm: Arm, id: string, body: JsonObject, fine?: number): Promise<void> => {
  const answer = await arm.send({ method: 'POST', path: `${id}/join`, body, caller: arm.itself, origin: '' })
  if (answer.status >= 300 && answer.status !== fine) throw refusalOf(answer)
}

/** What another provider refused, as our own refusal. */
export const refusalOf = ({ status, body }: Awaited<ReturnType<Arm['send']>>): ArmError => {
  const { code = 'InternalServerError', message = `Another resource answered ${status}.` } =
    ((body ?? {}) as { error?: { code?: string; message?: string } }).error ?? {}
  return new ArmError(status, code, message)
}
