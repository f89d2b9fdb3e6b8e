import { createHash } from 'node:crypto'
import type { Change, Plan, ResourceType } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { snapshotSchema } from '../disk-schema.ts'
import { checkDiskName, diskApiVersions, diskBehaviour } from '../disks/disk.ts'
import { propertiesOf } from '../disks/disk-document.ts'
import { diskError } from '../disks/disk-errors.ts'
import { planDisk } from '../disks/plan-disk.ts'

const createOptions = ['Empty', 'Upload', 'Import', 'Copy']

/**
 * Snapshots are disks that nobody can attach. Full and incremental ones are the same here: a manifest that shares its chunks with
 * the disk, so an incremental one costs no less and a full one no more.
 */
export const snapshotType = (parts: ComputeParts): ResourceType => ({
  type: 'Microsoft.Compute/snapshots',
  apiVersions: diskApiVersions,
  tracked: true,
  schema: snapshotSchema,
  bodyName: 'snapshot',
  operationsType: 'Microsoft.Compute/locations/diskOperations',
  checkName: name => checkDiskName(name, 'snapshot'),
  async plan(change, arm) {
    checkSku(change)
    return withFamily(await planDisk(change, arm, parts, createOptions))
  },
  ...diskBehaviour,
})

const checkSku = ({ wanted }: Change): void => {
  const { name = '' } = (wanted.envelope.sku ?? {}) as { name?: string }
  if (propertiesOf(wanted).incremental && name === 'Premium_LRS') throw diskError.skuForbidsIncremental(name)
}

/** Incremental snapshots of one disk belong together. */
const withFamily = (plan: Plan): Plan => {
  const { incremental, creationData } = propertiesOf(plan.document)
  const sourceUniqueId = creationData?.sourceUniqueId
  if (!incremental || !sourceUniqueId) return plan
  const properties = { ...plan.document.properties, incrementalSnapshotFamilyId: familyOf(sourceUniqueId) }
  return { ...plan, document: { ...plan.document, properties } }
}

const familyOf = (sourceUniqueId: string): string =>
  createHash('sha256')
    .update(`snapshots of ${sourceUniqueId}`)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
