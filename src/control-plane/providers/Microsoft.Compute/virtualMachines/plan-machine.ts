import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { propertiesOf } from '../disks/disk-document.ts'
import { hiddenUse } from '../galleries/sharing/image-use.ts'
import { type CheckedOsProfile, checkOsProfile } from './check-os-profile.ts'
import { requireQuota } from './core-quota.ts'
import { findMachineImage, type MachineImage } from './find-machine-image.ts'
import { findNics } from './find-nics.ts'
import {
  asHidden,
  type DataDiskProfile,
  type HyperVGeneration,
  hiddenOf,
  type MachineProperties,
  machineOf,
  type NicReference,
  type OsDiskProfile,
  type OsProfile,
  type StorageProfile,
} from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { planChange } from './plan-change.ts'
import { planIdentity, withIdentity } from './plan-identity.ts'
import {
  checkLuns,
  type DiskGround,
  type DiskWork,
  type PlannedDisk,
  planDataDisks,
  planOsDisk,
  requireEachOnce,
  withImageDisks,
} from './plan-machine-disks.ts'
import { refuseUnservedMachine } from './refuse-unserved.ts'
import { requireBootable } from './require-bootable.ts'
import { userDataOf } from './user-data.ts'
import { findVmSize, type VmSize, vmSizes } from './vm-sizes.ts'

/** What the operation that makes a machine is told. */
export interface MakeInput {
  readonly disks: readonly DiskWork[]
  /** Of which image, and how many machines that serves at a time. */
  readonly queue?: { readonly name: string; readonly places: number }
  /** Whether the guest is to report that it is provisioned. */
  readonly awaitsGuest: boolean
}

/** The rules of a PUT or PATCH of a machine. One whose creation failed is made again by the next PUT. */
export const planMachine = async (change: Change, arm: Arm, parts: ComputeParts): Promise<Plan> => {
  const { wanted, existing } = change
  refuseUnservedMachine({ ...wanted.envelope, properties: wanted.properties })
  const identity = await planIdentity(change, arm, parts.identities)
  const size = requireSize(wanted.properties as Partial<MachineProperties>)
  const isMade = existing !== undefined && hiddenOf(existing).power !== undefined
  const ground = { change, arm, parts, size }
  if (isMade) return withIdentity(await planChange(change, existing, ground), identity)
  await requireHost(parts)
  return withIdentity(await create(change, ground), identity)
}

const requireSize = ({ hardwareProfile }: Partial<MachineProperties>): VmSize => {
  const { vmSize } = hardwareProfile ?? {}
  if (vmSize === undefined) throw armError.missingProperty('hardwareProfile.vmSize')
  const size = findVmSize(vmSize)
  if (!size)
    throw machineError.sizeInvalid(
      vmSize.slice(0, 100),
      vmSizes.map(({ name }) => name),
    )
  return size
}

/** Throws where no machine can run: told at once, not by an operation that fails. */
const requireHost = async ({ hosting }: ComputeParts): Promise<void> => {
  const { accelerator, problem = 'there is no QEMU.' } = await hosting.machines.host()
  if (accelerator === 'none') throw machineError.noHost(problem)
}

const create = async (change: Change, ground: DiskGround): Promise<Plan> => {
  const { arm, parts, size } = ground
  const asked = machineOf(change.wanted)
  const { imageReference, osDisk, dataDisks = [] } = asked.storageProfile ?? {}
  if (!osDisk) throw armError.missingProperty('osDisk')
  const image = imageReference && (await findMachineImage(imageReference, change, arm, parts))
  const osProfile = osProfileOf(change, image)
  const { location = '', subscriptionId = '', key } = change.wanted
  await requireQuota(arm, { location, subscriptionId, key }, size, parts.hosting.limits.coresPerRegion)
  const nics = await findNics(asked.networkProfile?.networkInterfaces ?? [], change, arm, size)
  const profiles = withImageDisks(dataDisks, image)
  checkLuns(profiles, size)
  const os = await planOsDisk({ caching: 'ReadWrite', ...osDisk }, image, ground)
  const data = await planDataDisks(profiles, image, ground)
  requireEachOnce([os, ...data], change.wanted.id)
  const generation = image?.generation ?? (propertiesOf(os.document).hyperVGeneration as HyperVGeneration) ?? 'V1'
  requireBootable(size, generation, image?.architecture ?? 'x64')
  return finish(change, ground, { image, osProfile, nics, os, data, generation })
}

/** A guest that was generalized must be told who it is, one that was not can't be. */
export const osProfileOf = (
  { wanted, existing, given }: Change,
  image: MachineImage | undefined,
): CheckedOsProfile | undefined => {
  const { osProfile } = machineOf(wanted)
  const sent = (given.properties as JsonObject | undefined)?.osProfile
  if (image?.osState !== 'Generalized') {
    if (sent) throw machineError.notAllowed('osProfile')
    return undefined
  }
  if (!osProfile) throw armError.missingProperty('osProfile')
  // A creation that is tried again may leave out what was sent the first time.
  const { adminPassword, customData } = existing ? hiddenOf(existing) : {}
  const secrets = { ...(adminPassword ? { adminPassword } : {}), ...(customData ? { customData } : {}) }
  if (image.osType === 'Windows') throw armError.notServed('Provisioning of Windows')
  return checkOsProfile(osProfile, { ...secrets, ...(sent as OsProfile | undefined) }, wanted.name)
}

interface Found {
  readonly image: MachineImage | undefined
  readonly osProfile: CheckedOsProfile | undefined
  readonly nics: readonly NicReference[]
  readonly os: PlannedDisk<OsDiskProfile>
  readonly data: readonly PlannedDisk<DataDiskProfile>[]
  readonly generation: HyperVGeneration
}

const finish = (change: Change, { arm, parts, size }: DiskGround, found: Found): Plan => {
  const { image, osProfile, nics, os, data, generation } = found
  const { wanted, existing } = change
  const vmId = (existing && machineOf(existing).vmId) ?? arm.random.uuid()
  const storageProfile: StorageProfile = {
    ...machineOf(wanted).storageProfile,
    ...(image ? { imageReference: image.reference } : {}),
    osDisk: os.profile,
    dataDisks: data.map(({ profile }) => profile),
  }
  const properties = {
    ...wanted.properties,
    hardwareProfile: { vmSize: size.name },
    vmId,
    timeCreated: (existing && machineOf(existing).timeCreated) ?? arm.clock.now().toISOString(),
    storageProfile,
    ...(osProfile ? { osProfile: osProfile.shown } : {}),
    networkProfile: { networkInterfaces: nics },
  } as unknown as JsonObject
  const hidden = {
    ...asHidden({ ...osProfile?.secrets, ...userDataOf(change), generation, instanceId: vmId, failure: null }),
    ...hiddenUse(image?.gallery?.use),
  }
  const { deploymentsPerReplica } = parts.hosting.limits
  const input: MakeInput = {
    disks: [os, ...data].map(({ work }) => work),
    ...(image ? { queue: { name: image.key, places: image.replicas * deploymentsPerReplica } } : {}),
    awaitsGuest: osProfile !== undefined,
  }
  return {
    document: { ...wanted, properties, hidden: { ...wanted.hidden, ...hidden } },
    work: { kind: 'make machine', input: input as unknown as JsonObject },
  }
}
