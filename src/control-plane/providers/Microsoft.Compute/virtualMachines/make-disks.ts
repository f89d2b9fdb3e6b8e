import type { Arm } from '#arm/resource-type.ts'
import type { Step } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { attachDisk } from '../disks/attach-disk.ts'
import { asHidden as asHiddenOfDisk, hiddenOf } from '../disks/disk-document.ts'
import { sizeOutcome } from '../disks/plan-disk.ts'
import { settleDisk } from '../settle-disk.ts'
import { machineError } from './machine-errors.ts'
import type { DiskWork } from './plan-machine-disks.ts'

/** What the steps of an operation get. */
export interface Doing {
  readonly step: Step
  readonly signal: AbortSignal
  report(percentComplete: number): void
}

/** Makes the disks of a machine real resources with bytes of their own, and attaches them, and those that are there already. */
export const makeDisks = async (
  machine: ResourceDocument,
  disks: readonly DiskWork[],
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  for (const { key, lun, make } of disks) {
    if (make) await makeDisk(make, parts, doing, arm)
    const attachment = { machine: machine.id, ...(lun === undefined ? {} : { lun }) }
    await doing.step(`attach ${key}`, () => attachDisk(arm, key, attachment))
  }
}

const makeDisk = async (
  { document, job }: NonNullable<DiskWork['make']>,
  parts: ComputeParts,
  { step, signal }: Doing,
  arm: Arm,
): Promise<void> => {
  const { key } = document
  await step(`begin ${key}`, () => insert(document, arm))
  try {
    const named: Step = (name, work) => step(`${key}: ${name}`, work)
    const disk = await settleDisk(
      document,
      job,
      { ...parts, resources: arm.resources },
      { step: named, signal, report() {} },
    )
    await step(`finish ${key}`, async () => {
      await arm.resources.change(key, current => ({
        ...current,
        provisioningState: 'Succeeded',
        properties: { ...current.properties, ...sizeOutcome(current, disk.sizeBytes) },
        hidden: { ...current.hidden, ...asHiddenOfDisk({ disk }) },
      }))
    })
  } catch (fault) {
    // Nobody else would end its creation. After a stop of the server the work goes on.
    if (!signal.aborted) await arm.resources.change(key, current => ({ ...current, provisioningState: 'Failed' }))
    throw fault
  }
}

const insert = (document: ResourceDocument, { resources, transact }: Arm): Promise<void> =>
  transact(async transaction => {
    const existing = await resources.find(document.key, transaction)
    if (!existing) return await resources.insert(transaction, document)
    const isOurs = hiddenOf(existing).attachment?.machine === hiddenOf(document).attachment?.machine
    if (!isOurs) throw machineError.diskNameTaken(document.name, document.groupKey?.split('/').at(-1) ?? '')
    if (existing.provisioningState === 'Failed')
      await resources.update(transaction, { ...existing, provisioningState: 'Creating' })
  })
