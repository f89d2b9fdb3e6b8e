import type { Arm, Change } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { propertiesOf } from '../disks/disk-document.ts'
import { diskError } from '../disks/disk-errors.ts'
import { findSource, sourceKind } from '../source-bytes.ts'
import { type CapturedDisk, captureMachine } from '../virtualMachines/capture-machine.ts'
import type { FoundDisk } from './find-disks.ts'
import { imageOf } from './image-document.ts'
import { imageError } from './image-errors.ts'

/** The image as it is to be, and where its bytes come from. */
export interface MachineDisks {
  readonly wanted: ResourceDocument
  readonly disks: readonly FoundDisk[]
}

/** All disks of the machine that an image is made of; `undefined` for an image of something else. Throws unless it is generalized. */
export const findMachineDisks = async (change: Change, arm: Arm): Promise<MachineDisks | undefined> => {
  const { wanted } = change
  const { sourceVirtualMachine, storageProfile, hyperVGeneration = 'V1' } = imageOf(wanted)
  const id = sourceVirtualMachine?.id
  if (id === undefined) return undefined
  // An image whose making failed shows the disks that were found then.
  if (storageProfile?.osDisk && !change.existing) throw imageError.virtualMachineAndDisks()
  if (sourceKind(id) !== 'machine') throw imageError.virtualMachineNotFound(id)
  const machine = (await findSource(arm, id, ['machine'], change))?.document
  if (!machine) throw imageError.virtualMachineNotFound(id)
  if (machine.location !== wanted.location)
    throw diskError.sourceElsewhere(machine.id, machine.location ?? '', wanted.location ?? '')
  const captured = await captureMachine(machine, arm)
  if (captured?.osState !== 'Generalized') throw imageError.notGeneralized(machine.name)
  if (captured.generation !== hyperVGeneration)
    throw imageError.generationMismatch(hyperVGeneration, machine.id, captured.generation)
  const [os, ...data] = captured.disks
  const profile = {
    ...(storageProfile as unknown as JsonObject),
    osDisk: { osType: captured.osType, osState: captured.osState, ...shown(os) },
    dataDisks: data.map(disk => ({ lun: disk.slot as number, ...shown(disk) })),
  }
  return {
    wanted: { ...wanted, properties: { ...wanted.properties, storageProfile: profile } },
    disks: captured.disks.map(({ slot, origin, document }) => ({ slot, origin, source: document })),
  }
}

const shown = (disk: CapturedDisk | undefined): JsonObject => ({
  ...(disk ? { managedDisk: { id: disk.document.id }, diskSizeGB: propertiesOf(disk.document).diskSizeGB } : {}),
  ...(disk?.caching === undefined ? {} : { caching: disk.caching }),
})
