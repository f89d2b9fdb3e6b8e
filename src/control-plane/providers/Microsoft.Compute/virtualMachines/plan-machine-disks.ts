import { armError } from '#arm/arm-error.ts'
import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import { readChange } from '#arm/verbs/change.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { bytesOfGB } from '../disk-size.ts'
import { checkDiskName, diskType } from '../disks/disk.ts'
import { accessOf, diskStateOf, hiddenOf as hiddenOfDisk } from '../disks/disk-document.ts'
import { diskError } from '../disks/disk-errors.ts'
import type { Inherited } from '../disks/find-origin.ts'
import { planMachineDisk } from '../disks/plan-disk.ts'
import type { DiskJob } from '../settle-disk.ts'
import { diskOf } from '../stored-disk.ts'
import type { MachineImage } from './find-machine-image.ts'
import type { DataDiskProfile, DiskProfile, OsDiskProfile } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import type { VmSize } from './vm-sizes.ts'

/** A disk of a machine that is to be made, attached, or both; kept with the operation. */
export interface DiskWork {
  /** Absent for the OS disk. */
  readonly lun?: number
  /** The disk's id, in lower case. */
  readonly key: string
  /** The disk as it begins, if it is to be made, and where its bytes come from. */
  readonly make?: { readonly document: ResourceDocument; readonly job: DiskJob }
}

/** A disk in the form in which the machine shows it, with its work. */
export interface PlannedDisk<Profile extends DiskProfile> {
  readonly profile: Profile
  readonly work: DiskWork
  readonly document: ResourceDocument
}

/** What planning a disk needs to know of the machine. */
export interface DiskGround {
  readonly change: Change
  readonly arm: Arm
  readonly parts: ComputeParts
  readonly size: VmSize
}

/** The OS disk of a new machine: made of its image, or one that is there. */
export const planOsDisk = async (
  profile: OsDiskProfile,
  image: MachineImage | undefined,
  ground: DiskGround,
): Promise<PlannedDisk<OsDiskProfile>> => {
  if (profile.createOption === 'Attach') {
    if (image) throw machineError.notAllowed('imageReference')
    const planned = await attached(profile, undefined, ground)
    const osType = profile.osType ?? (planned.document.properties.osType as OsDiskProfile['osType'])
    if (osType === undefined) throw armError.missingProperty('osDisk.osType')
    return { ...planned, profile: { ...planned.profile, osType } }
  }
  if (profile.createOption !== 'FromImage') throw machineError.valueInvalid('osDisk.createOption')
  if (!image) throw armError.missingProperty('imageReference')
  if (profile.osType && profile.osType !== image.osType) throw diskError.osTypeMismatch(profile.osType, image.osType)
  const named = { ...profile, name: profile.name ?? `${ground.change.wanted.name}_OsDisk_1_${hex(ground.arm)}` }
  const planned = await made(named, 'os', image, ground)
  return { ...planned, profile: { ...planned.profile, osType: image.osType } }
}

/** The data disks that a machine is to get beside those it has: empty ones, those of its image, and others that are there. */
export const planDataDisks = async (
  profiles: readonly DataDiskProfile[],
  image: MachineImage | undefined,
  ground: DiskGround,
): Promise<readonly PlannedDisk<DataDiskProfile>[]> => {
  const planned: PlannedDisk<DataDiskProfile>[] = []
  for (const profile of profiles) {
    if (profile.createOption === 'Attach') {
      planned.push(await attached(profile, profile.lun, ground))
      continue
    }
    const { name: machine } = ground.change.wanted
    const isOfImage = profile.createOption === 'FromImage'
    if (isOfImage && !image?.disks.some(({ slot }) => slot === profile.lun)) throw machineError.unknownLun(profile.lun)
    const name = isOfImage ? `lun_${profile.lun}_2` : `disk${profile.lun + 2}`
    const named = { ...profile, name: profile.name ?? `${machine}_${name}_${hex(ground.arm)}` }
    planned.push(await made(named, profile.lun, isOfImage ? image : undefined, ground))
  }
  return planned
}

/** What was asked for, and a disk for each data disk of the image that nobody spoke of, as Azure adds them. Checks luns and their number. */
export const withImageDisks = (
  profiles: readonly DataDiskProfile[],
  image: MachineImage | undefined,
): readonly DataDiskProfile[] => {
  const given = new Set(profiles.map(({ lun }) => lun))
  const ofImage = (image?.disks ?? []).flatMap(({ slot }): DataDiskProfile[] =>
    slot === 'os' || given.has(slot) ? [] : [{ lun: slot, createOption: 'FromImage', toBeDetached: false }],
  )
  return [...profiles, ...ofImage]
}

/** Throws for two disks at one lun, and for more than the size takes. */
export const checkLuns = (profiles: readonly DataDiskProfile[], size: VmSize): void => {
  const seen = new Set<number>()
  for (const { lun } of profiles) {
    if (seen.has(lun)) throw machineError.lunTwice(lun)
    seen.add(lun)
  }
  if (seen.size > size.maxDataDisks) throw machineError.tooManyDisks(size.maxDataDisks, size.name)
}

/** Throws for a disk that is to be at two places of a machine. */
export const requireEachOnce = (
  disks: readonly Pick<PlannedDisk<DiskProfile>, 'work' | 'document'>[],
  machine: string,
): void => {
  const keys = new Set<string>()
  for (const { work, document } of disks) {
    if (keys.has(work.key)) throw machineError.diskHasLun(document.id, machine)
    keys.add(work.key)
  }
}

const hex = (arm: Arm): string => arm.random.uuid().replaceAll('-', '')

const lunOf = (slot: 'os' | number) => (slot === 'os' ? {} : { lun: slot })

/** A new disk resource beside the machine, by the rules of disks. */
const made = async <Profile extends DiskProfile>(
  profile: Profile,
  slot: 'os' | number,
  image: MachineImage | undefined,
  ground: DiskGround,
): Promise<PlannedDisk<Profile>> => {
  const { change, arm } = ground
  const name = profile.name ?? ''
  checkDiskName(name, 'disk')
  const id = change.id.scope.extension('Microsoft.Compute', 'disks', name)
  const existing = await arm.resources.find(id.key)
  const isOurs = existing && hiddenOfDisk(existing).attachment?.machine === change.wanted.id
  if (existing && !isOurs) throw machineError.diskNameTaken(name, change.id.resourceGroup ?? '')
  await requireLinked(arm, change, 'Microsoft.Compute/disks/write', id)
  const { document, work } = newDisk(profile, slot, image, id, ground)
  const shown = existing ?? document
  const isMade = existing && diskOf(existing) !== undefined
  return {
    document: shown,
    profile: shownProfile(profile, shown),
    work: {
      ...lunOf(slot),
      key: id.key,
      ...(isMade ? {} : { make: { document: shown, job: work } }),
    },
  }
}

const newDisk = (
  profile: DiskProfile,
  slot: 'os' | number,
  image: MachineImage | undefined,
  id: ResourceId,
  { change, arm, parts, size }: DiskGround,
): { document: ResourceDocument; work: DiskJob } => {
  const { diskSizeGB, managedDisk } = profile
  const body = {
    location: change.wanted.location ?? '',
    sku: { name: managedDisk?.storageAccountType ?? (size.hasPremiumStorage ? 'Premium_LRS' : 'Standard_LRS') },
    properties: {
      creationData: creationData(slot, image),
      ...(diskSizeGB === undefined ? {} : { diskSizeGB }),
    },
  }
  const request = { ...change.request, method: 'PUT' as const, body }
  const asked = readChange(diskType(parts), id, request, undefined, change.parent, arm)
  const plan = planMachineDisk(
    asked,
    { origin: originOf(profile, slot, image), inherited: inheritedOf(slot, image) },
    arm,
  )
  const attachment = { machine: change.wanted.id, ...lunOf(slot) }
  return {
    document: {
      ...plan.document,
      envelope: { ...plan.document.envelope, managedBy: change.wanted.id },
      hidden: { ...plan.document.hidden, attachment },
      provisioningState: 'Creating',
    },
    work: plan.work?.input as unknown as DiskJob,
  }
}

const creationData = (slot: 'os' | number, image: MachineImage | undefined): JsonObject => {
  if (!image) return { createOption: 'Empty' }
  const { id, gallery } = image
  return {
    createOption: 'FromImage',
    ...(gallery
      ? { galleryImageReference: { ...gallery.reference, ...lunOf(slot) } }
      : { imageReference: { id, ...lunOf(slot) } }),
  }
}

const originOf = (profile: DiskProfile, slot: 'os' | number, image: MachineImage | undefined): DiskOrigin => {
  const ofImage = image?.disks.find(disk => disk.slot === slot)?.origin
  if (ofImage) return ofImage
  if (profile.diskSizeGB === undefined) throw armError.missingProperty('dataDisk.diskSizeGB')
  return { from: 'nothing', sizeBytes: bytesOfGB(profile.diskSizeGB) }
}

const inheritedOf = (slot: 'os' | number, image: MachineImage | undefined): Inherited =>
  image && slot === 'os'
    ? {
        osType: image.osType,
        hyperVGeneration: image.generation,
        supportedCapabilities: { architecture: image.architecture },
      }
    : {}

/** A disk that is there already. */
const attached = async <Profile extends DiskProfile>(
  profile: Profile,
  lun: number | undefined,
  { change, arm }: DiskGround,
): Promise<PlannedDisk<Profile>> => {
  const given = profile.managedDisk?.id
  if (given === undefined) throw armError.missingProperty('managedDisk.id')
  const id = ResourceId.parse(given)
  if (id?.type.toLowerCase() !== 'microsoft.compute/disks') throw machineError.valueInvalid('managedDisk.id')
  await requireLinked(arm, change, 'Microsoft.Compute/disks/write', id)
  const document = await arm.resources.find(id.key)
  if (!document) throw machineError.resourceMissing(given, 'managedDisk.id')
  requireAttachable(document, change, arm)
  if (profile.name && profile.name.toLowerCase() !== document.name.toLowerCase())
    throw machineError.valueInvalid('dataDisk.name')
  return {
    document,
    profile: shownProfile(profile, document),
    work: { key: document.key, ...(lun === undefined ? {} : { lun }) },
  }
}

const requireAttachable = (disk: ResourceDocument, { wanted }: Change, arm: Arm): void => {
  if (disk.location !== wanted.location)
    throw machineError.elsewhere(disk.id, disk.location ?? '', wanted.location ?? '')
  const { attachment } = hiddenOfDisk(disk)
  if (attachment && attachment.machine !== wanted.id)
    throw diskError.attachedElsewhere(disk.id, wanted.id, attachment.machine)
  const now = arm.clock.now()
  if (accessOf(disk, now)) throw diskError.activeAccess('disk', disk.name)
  const isReady = diskOf(disk) && !['Creating', 'Updating', 'Deleting'].includes(disk.provisioningState)
  if (!isReady)
    throw machineError.diskNotReady(
      disk.id,
      disk.provisioningState === 'Succeeded' ? diskStateOf(disk, now) : disk.provisioningState,
    )
}

/** The profile with what the disk itself says. */
const shownProfile = <Profile extends DiskProfile>(profile: Profile, disk: ResourceDocument): Profile => ({
  ...profile,
  name: disk.name,
  caching: profile.caching ?? 'None',
  diskSizeGB: disk.properties.diskSizeGB as number,
  managedDisk: { id: disk.id, storageAccountType: (disk.envelope.sku as { name: string }).name },
  deleteOption: profile.deleteOption ?? 'Detach',
})
