import { armError } from '#arm/arm-error.ts'
import type { Change, Plan } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { hiddenOf as hiddenOfDisk, propertiesOf } from '../disks/disk-document.ts'
import { requireQuota } from './core-quota.ts'
import { findNics } from './find-nics.ts'
import {
  asHidden,
  type DataDiskProfile,
  disksOfMachine,
  hiddenOf,
  type ImageReference,
  machineOf,
  type NicReference,
  nicsOfMachine,
  type OsDiskProfile,
} from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { checkLuns, type DiskGround, type DiskWork, planDataDisks, requireEachOnce } from './plan-machine-disks.ts'
import { requireBootable } from './require-bootable.ts'
import { userDataOf } from './user-data.ts'

/** What the operation that changes a machine is told. */
export interface ChangeInput {
  readonly attach: readonly DiskWork[]
  /** Keys of disks. */
  readonly detach: readonly string[]
  readonly join: readonly NicReference[]
  /** Ids of network interfaces. */
  readonly leave: readonly string[]
  /** Another size: a machine that runs is stopped and started for it. */
  readonly isResized: boolean
}

/** The rules of a change of a machine that is there: its size, data disks, network interfaces, and what needs no work. */
export const planChange = async (change: Change, existing: ResourceDocument, ground: DiskGround): Promise<Plan> => {
  requireSameImage(change, existing)
  const osDisk = sameOsDisk(change, existing)
  const isResized = await checkSize(existing, ground)
  const data = await changeDataDisks(change, existing, ground)
  const nics = await changeNics(change, existing, ground)
  const { wanted } = change
  const properties = {
    ...wanted.properties,
    hardwareProfile: { vmSize: ground.size.name },
    storageProfile: {
      ...machineOf(wanted).storageProfile,
      imageReference: machineOf(existing).storageProfile?.imageReference,
      osDisk,
      dataDisks: data.profiles,
    },
    networkProfile: { networkInterfaces: nics.references },
  } as unknown as JsonObject
  const hidden = { ...wanted.hidden, ...asHidden(userDataOf(change)) }
  const document = { ...wanted, properties, hidden }
  const input: ChangeInput = { attach: data.attach, detach: data.detach, join: nics.join, leave: nics.leave, isResized }
  const isWork = isResized || [input.attach, input.detach, input.join, input.leave].some(list => list.length > 0)
  // What failed before is tried again, and a machine that is well stays as it is.
  if (!isWork && existing.provisioningState === 'Succeeded') return { document }
  return { document, work: { kind: 'change machine', input: input as unknown as JsonObject } }
}

const imageMembers = [
  'id',
  'sharedGalleryImageId',
  'communityGalleryImageId',
  'publisher',
  'offer',
  'sku',
  'version',
] as const satisfies (keyof ImageReference)[]

const requireSameImage = ({ wanted }: Change, existing: ResourceDocument): void => {
  const asked = machineOf(wanted).storageProfile?.imageReference ?? {}
  const known = machineOf(existing).storageProfile?.imageReference ?? {}
  for (const member of imageMembers)
    if (asked[member]?.toLowerCase() !== known[member]?.toLowerCase())
      throw armError.propertyChangeNotAllowed('imageReference')
}

const sameOsDisk = ({ wanted }: Change, existing: ResourceDocument): OsDiskProfile => {
  const known = machineOf(existing).storageProfile?.osDisk as OsDiskProfile
  const asked = machineOf(wanted).storageProfile?.osDisk ?? known
  const isSwap = asked.managedDisk?.id?.toLowerCase() !== known.managedDisk?.id?.toLowerCase()
  if (isSwap) throw armError.notServed('Another OS disk for a virtual machine (a swap)')
  for (const member of ['name', 'createOption', 'osType'] as const)
    if (asked[member] !== known[member]) throw armError.propertyChangeNotAllowed(`osDisk.${member}`)
  if (asked.diskSizeGB !== known.diskSizeGB)
    throw armError.notServed(
      "Another size of the OS disk by way of its machine: change the disk's own diskSizeGB. That",
    )
  if (asked.managedDisk?.storageAccountType !== known.managedDisk?.storageAccountType)
    throw armError.notServed("Another type of the OS disk by way of its machine: change the disk's own sku. That")
  return { ...known, ...(asked.caching ? { caching: asked.caching } : {}), ...deleteOptionOf(asked) }
}

const deleteOptionOf = ({ deleteOption }: { readonly deleteOption?: OsDiskProfile['deleteOption'] }) =>
  deleteOption ? { deleteOption } : {}

const checkSize = async (existing: ResourceDocument, { arm, parts, size }: DiskGround): Promise<boolean> => {
  if (machineOf(existing).hardwareProfile?.vmSize === size.name) return false
  requireBootable(size, hiddenOf(existing).generation ?? 'V1', 'x64')
  const { location = '', subscriptionId = '', key } = existing
  await requireQuota(arm, { location, subscriptionId, key }, size, parts.hosting.limits.coresPerRegion)
  return true
}

interface DataDisks {
  readonly profiles: readonly DataDiskProfile[]
  readonly attach: readonly DiskWork[]
  readonly detach: readonly string[]
}

/** Data disks are what a request says: those it leaves out, or marks, are detached, new ones are made or attached. */
const changeDataDisks = async (
  { wanted }: Change,
  existing: ResourceDocument,
  ground: DiskGround,
): Promise<DataDisks> => {
  const before = machineOf(existing).storageProfile?.dataDisks ?? []
  const asked = (machineOf(wanted).storageProfile?.dataDisks ?? []).filter(disk => !disk.toBeDetached)
  checkLuns(asked, ground.size)
  const kept: DataDiskProfile[] = []
  const fresh: DataDiskProfile[] = []
  for (const disk of asked) {
    const known = await attachedAlready(disk, before, existing, ground)
    if (known) kept.push({ ...known, ...(disk.caching ? { caching: disk.caching } : {}), ...deleteOptionOf(disk) })
    else fresh.push(disk)
  }
  for (const disk of fresh) requireNoOtherLun(disk, existing)
  const planned = await planDataDisks(fresh, undefined, ground)
  requireEachOnce(planned, wanted.id)
  const gone = before.filter(disk => !kept.some(one => one.lun === disk.lun))
  return {
    profiles: [...kept, ...planned.map(({ profile }) => profile)].toSorted((a, b) => a.lun - b.lun),
    attach: planned.map(({ work }) => work),
    detach: gone.map(disk => disk.managedDisk?.id?.toLowerCase() ?? ''),
  }
}

/** The disk that is at the lun by now, if that is the one that is asked for. */
const attachedAlready = async (
  disk: DataDiskProfile,
  before: readonly DataDiskProfile[],
  machine: ResourceDocument,
  { arm }: DiskGround,
): Promise<DataDiskProfile | undefined> => {
  const known = before.find(({ lun }) => lun === disk.lun)
  const id = known?.managedDisk?.id?.toLowerCase()
  if (id === undefined) return undefined
  const isSame = disk.managedDisk?.id
    ? disk.managedDisk.id.toLowerCase() === id
    : disk.name?.toLowerCase() === known?.name?.toLowerCase()
  const document = isSame ? await arm.resources.find(id) : undefined
  if (!document || hiddenOfDisk(document).attachment?.machine !== machine.id) return undefined
  return { ...(known as DataDiskProfile), diskSizeGB: propertiesOf(document).diskSizeGB ?? 0 }
}

/** A disk gets from one lun to another only by being nobody's in between. */
const requireNoOtherLun = ({ lun, managedDisk }: DataDiskProfile, machine: ResourceDocument): void => {
  const id = managedDisk?.id?.toLowerCase()
  const isThere = disksOfMachine(machine).some(
    disk => disk.lun !== lun && id !== undefined && disk.managedDisk?.id?.toLowerCase() === id,
  )
  if (isThere) throw machineError.diskHasLun(managedDisk?.id ?? '', machine.id)
}

interface Nics {
  readonly references: readonly NicReference[]
  readonly join: readonly NicReference[]
  readonly leave: readonly string[]
}

const changeNics = async (change: Change, existing: ResourceDocument, { arm, size }: DiskGround): Promise<Nics> => {
  const references = await findNics(nicsOfMachine(change.wanted), change, arm, size)
  const [before, now] = [idsOf(nicsOfMachine(existing)), idsOf(references)]
  const join = references.filter(({ id = '' }) => !includes(before, id))
  const leave = before.filter(id => !includes(now, id))
  if (join.length + leave.length > 0 && hiddenOf(existing).power !== 'deallocated')
    throw machineError.mustBeDeallocated('network interfaces', existing.name)
  return { references, join, leave }
}

const idsOf = (references: readonly NicReference[]): string[] => references.flatMap(({ id }) => id ?? [])
const includes = (ids: readonly string[], id: string): boolean =>
  ids.some(one => one.toLowerCase() === id.toLowerCase())
