import { Type } from 'typebox'
import type { Action, Arm, Call, Change } from '#arm/resource-type.ts'
import { invariant } from '#foundation/invariant.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { sizeInGB } from '../disk-size.ts'
import type { ImageUse } from '../galleries/sharing/image-use.ts'
import { diskOf } from '../stored-disk.ts'
import { findMachineImage, type MachineImage } from './find-machine-image.ts'
import {
  asHidden,
  hiddenOf,
  type ImageReference,
  machineOf,
  type OsDiskProfile,
  type OsProfile,
} from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { osProfileOf } from './plan-machine.ts'
import { type DiskWork, type PlannedDisk, planOsDisk } from './plan-machine-disks.ts'
import { earlierReference, laterReference } from './reimage-reference.ts'
import { findVmSize } from './vm-sizes.ts'

/** What the operation that reimages a machine is told. */
export interface ReimageInput {
  readonly disk: DiskWork
  /** What the machine shows of its OS disk and image from then on. */
  readonly osDisk: OsDiskProfile
  readonly imageReference: ImageReference
  readonly use?: ImageUse
  /** Of a guest that is to be provisioned anew. */
  readonly instanceId?: string
}

interface ReimageBody {
  readonly tempDisk?: boolean
  readonly exactVersion?: string
  readonly osProfile?: Pick<OsProfile, 'adminPassword' | 'customData'>
}

/**
 * Gives a machine a new OS disk, made of its image as the first one was; data disks stay. As in Azure, the old one is kept or deleted by
 * its deleteOption, and the version is the one that the machine was made of unless `exactVersion` names another.
 */
export const reimage = (parts: ComputeParts): Action => ({
  permission: 'reimage/action',
  body: Type.Object({
    tempDisk: Type.Optional(Type.Boolean()),
    exactVersion: Type.Optional(Type.String({ maxLength: 100 })),
    osProfile: Type.Optional(
      Type.Object({
        adminPassword: Type.Optional(Type.String({ maxLength: 4096 })),
        customData: Type.Optional(Type.String({ maxLength: 2 ** 18 })),
      }),
    ),
  }),
  async run(call, arm) {
    const { document } = call
    const body = call.body as ReimageBody
    const known = requireReimageable(document, body)
    const change = await changeOf(call, body, arm)
    const image = await findMachineImage(earlierReference(known, body.exactVersion), change, arm, parts)
    requireAlike(document, image)
    const secrets = osProfileOf(change, image)?.secrets
    const os = await newOsDisk(change, image, parts, arm)
    const input: ReimageInput = {
      disk: os.work,
      osDisk: os.profile,
      imageReference: laterReference(known, image),
      ...(image.gallery ? { use: image.gallery.use } : {}),
      ...(secrets ? { instanceId: arm.random.uuid() } : {}),
    }
    // Known to the machine before it is there, so that it goes with it whatever becomes of the work.
    const strays = [...(hiddenOf(document).strays ?? []), { key: os.work.key, goes: true }]
    return {
      work: { kind: 'reimage machine', input: input as unknown as JsonObject },
      document: { ...document, hidden: { ...document.hidden, ...asHidden({ ...secrets, strays }) } },
    }
  },
})

/** Azure made VHDs of machines before there were managed disks, and refuses it for all others. */
export const capture: Action = {
  permission: 'capture/action',
  async run() {
    throw machineError.captureUnmanaged()
  },
}

const requireReimageable = (document: ResourceDocument, { tempDisk, osProfile }: ReimageBody): ImageReference => {
  const { power, generalizedAt, customData = '' } = hiddenOf(document)
  if (power === undefined) throw machineError.notMade('reimage', document.name)
  if (generalizedAt) throw machineError.generalized('reimage', document.name)
  // Azure has it for ephemeral OS disks alone.
  if (tempDisk) throw machineError.valueInvalid('tempDisk')
  const { imageReference, osDisk } = machineOf(document).storageProfile ?? {}
  if (!imageReference || osDisk?.createOption !== 'FromImage') throw machineError.notOfImage(document.name)
  const sent = osProfile?.customData
  if (sent !== undefined && !Buffer.from(sent, 'base64').equals(Buffer.from(customData, 'base64')))
    throw machineError.customDataDiffers()
  return imageReference
}

/** A managed image can have been deleted, and another one made by its name. */
const requireAlike = (document: ResourceDocument, image: MachineImage): void => {
  const { osProfile, storageProfile } = machineOf(document)
  const isAlike =
    image.generation === (hiddenOf(document).generation ?? 'V1') &&
    image.osType === storageProfile?.osDisk?.osType &&
    (image.osState === 'Generalized') === (osProfile !== undefined)
  if (!isAlike) throw machineError.imageChanged(document.name, image.id)
}

/** The request as the rules of machines and disks see one that makes a machine. */
const changeOf = async (
  { id, document, request }: Call,
  { osProfile }: ReimageBody,
  { resources }: Arm,
): Promise<Change> => ({
  verb: 'PUT',
  id,
  request,
  existing: document,
  parent: await resources.find(document.parentKey),
  wanted: document,
  given: { properties: osProfile ? { osProfile } : {} },
})

/** A disk like the one that the machine has, under a name of its own. */
const newOsDisk = async (
  change: Change,
  image: MachineImage,
  parts: ComputeParts,
  arm: Arm,
): Promise<PlannedDisk<OsDiskProfile>> => {
  const { hardwareProfile, storageProfile } = machineOf(change.wanted)
  const size = findVmSize(hardwareProfile?.vmSize ?? '')
  invariant(size && storageProfile?.osDisk, `Machine ${change.wanted.id} has no size or no OS disk.`)
  const { name: _, diskSizeGB: __, managedDisk, ...profile } = storageProfile.osDisk
  const old = await arm.resources.find(managedDisk?.id?.toLowerCase() ?? '')
  const sku = old?.envelope.sku as { name: string } | undefined
  const storageAccountType = sku?.name ?? managedDisk?.storageAccountType
  const asked: OsDiskProfile = {
    ...profile,
    ...grownBeyond(image, old),
    ...(storageAccountType === undefined ? {} : { managedDisk: { storageAccountType } }),
  }
  return await planOsDisk(asked, image, { change, arm, parts, size })
}

/** The size of a disk that is larger than the image, which the new one gets too. */
const grownBeyond = (image: MachineImage, old: ResourceDocument | undefined): { diskSizeGB?: number } => {
  const origin = image.disks.find(({ slot }) => slot === 'os')?.origin
  const imageBytes = origin && 'sizeBytes' in origin ? origin.sizeBytes : undefined
  const diskSizeGB = sizeInGB((old && diskOf(old)?.sizeBytes) ?? 0)
  return imageBytes === undefined || diskSizeGB > sizeInGB(imageBytes) ? { diskSizeGB } : {}
}
