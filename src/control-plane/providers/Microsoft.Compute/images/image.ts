import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { withoutQuery } from '../disk-origin.ts'
import { checkDiskName } from '../disks/disk.ts'
import { asInput, requireFit } from '../settle-disk.ts'
import { disksOf } from '../stored-disk.ts'
import { type FoundDisk, findDisks } from './find-disks.ts'
import { findMachineDisks } from './find-machine-disks.ts'
import { type ImageDisk, imageOf } from './image-document.ts'
import { imageSchema } from './image-schema.ts'

/** Managed images: disks, snapshots or VHDs taken together, ready to be published or deployed. Nothing but tags can be changed. */
export const imageType = (parts: ComputeParts): ResourceType => ({
  type: 'Microsoft.Compute/images',
  apiVersions: ['2025-04-01', '2024-11-01', '2024-07-01', '2024-03-01', '2023-09-01', '2022-11-01', '2022-03-01'],
  tracked: true,
  schema: imageSchema,
  bodyName: 'image',
  operationsType: 'Microsoft.Compute/locations/operations',
  checkName: name => checkDiskName(name, 'image'),
  async plan(change, arm) {
    const { wanted, existing } = change
    const isEdge = (wanted.envelope.extendedLocation as { name?: string } | undefined)?.name
    if (isEdge) throw armError.notServed('An edge zone')
    if (existing && disksOf(existing)) return { document: keepDataDisks(wanted, existing) }
    return await create(change, arm, parts)
  },
  planDelete: async () => ({ work: { kind: 'delete image', input: {} } }),
})

const create = async (asked: Change, arm: Arm, parts: ComputeParts): Promise<Plan> => {
  const ofMachine = await findMachineDisks(asked, arm)
  const change = ofMachine ? { ...asked, wanted: ofMachine.wanted } : asked
  const disks = ofMachine?.disks ?? (await findDisks(arm, parts, change))
  for (const { origin, sizeGB } of disks) if ('sizeBytes' in origin) requireFit(sizeGB, origin.sizeBytes)
  const pass = arm.random.uuid()
  const jobs = disks.map(({ slot, origin, sizeGB }) => asInput({ slot, origin, sizeGB }, pass))
  return {
    document: { ...change.wanted, properties: shownProperties(change, disks) },
    work: { kind: 'make image', input: { disks: jobs } },
  }
}

const dataDisksPath = 'image.properties.storageProfile.dataDisks'

/** Nothing of the data disks can be changed; a client may send back what it got, or what it first sent. */
const keepDataDisks = (wanted: ResourceDocument, existing: ResourceDocument): ResourceDocument => {
  const before = imageOf(existing).storageProfile?.dataDisks ?? []
  const given = imageOf(wanted).storageProfile?.dataDisks ?? []
  if (given.length !== before.length) throw armError.propertyChangeNotAllowed(dataDisksPath)
  for (const disk of given) {
    const known = before.find(one => one.lun === disk.lun)
    if (!known || !isWithin(disk as unknown as JsonObject, known as unknown as JsonObject))
      throw armError.propertyChangeNotAllowed(dataDisksPath)
  }
  return { ...wanted, properties: existing.properties }
}

/** Whether every member that was sent has the value that is stored; ids are equal in any case, URIs whatever signs them. */
const isWithin = (sent: JsonObject, stored: JsonObject): boolean =>
  Object.entries(sent).every(([name, value]) => {
    const its = stored[name]
    if (typeof value === 'object' && value !== null) return isWithin(value as JsonObject, (its ?? {}) as JsonObject)
    const said = name === 'blobUri' ? withoutQuery(String(value)) : String(value)
    return said.toLowerCase() === String(its).toLowerCase()
  })

/** What Azure fills in: the storage type of the source, and a list of data disks also when there are none. */
const shownProperties = ({ wanted }: Change, found: readonly FoundDisk[]): JsonObject => {
  const { storageProfile } = imageOf(wanted)
  const shownDisk = (disk: ImageDisk, source: FoundDisk['source']): JsonObject => ({
    ...(disk as JsonObject),
    ...(disk.blobUri === undefined ? {} : { blobUri: withoutQuery(disk.blobUri) }),
    caching: disk.caching ?? 'None',
    storageAccountType: disk.storageAccountType ?? skuOf(source) ?? 'Standard_LRS',
  })
  const osDisk = storageProfile?.osDisk as ImageDisk
  return {
    ...wanted.properties,
    storageProfile: {
      ...(storageProfile as unknown as JsonObject),
      osDisk: shownDisk(osDisk, found[0]?.source),
      dataDisks: (storageProfile?.dataDisks ?? []).map((disk, index) => shownDisk(disk, found[index + 1]?.source)),
    },
  }
}

const skuOf = (source: FoundDisk['source']): string | undefined =>
  (source?.envelope.sku as { name?: string } | undefined)?.name
