import type { Arm } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { diskAsOrigin } from '../disks/find-origin.ts'
import { diskDocuments } from './machine-disks.ts'
import { type DiskProfile, disksOfMachine, type HyperVGeneration, hiddenOf, machineOf } from './machine-document.ts'

/** A disk of a machine that an image is made of. */
export interface CapturedDisk {
  readonly slot: 'os' | number
  readonly origin: Extract<DiskOrigin, { from: 'stored' | 'machine' }>
  readonly document: ResourceDocument
  readonly caching?: DiskProfile['caching']
}

/** A machine as the source of an image: what it says of itself, and its disks. */
export interface CapturedMachine {
  readonly osType: 'Linux' | 'Windows'
  readonly osState: 'Generalized' | 'Specialized'
  readonly generation: HyperVGeneration
  readonly disks: readonly CapturedDisk[]
}

/** `undefined` for a machine that was never made. Throws for a disk that is not complete. */
export const captureMachine = async (machine: ResourceDocument, arm: Arm): Promise<CapturedMachine | undefined> => {
  const { power, generalizedAt, generation = 'V1' } = hiddenOf(machine)
  const documents = await diskDocuments(machine, arm)
  if (power === undefined || documents.length === 0) return undefined
  const profiles = disksOfMachine(machine)
  const disks = documents.map((document): CapturedDisk => {
    const profile = profiles.find(({ managedDisk }) => managedDisk?.id?.toLowerCase() === document.key)
    return {
      slot: profile?.lun ?? 'os',
      origin: diskAsOrigin(document, arm.clock.now()),
      document,
      ...(profile?.caching === undefined ? {} : { caching: profile.caching }),
    }
  })
  return {
    osType: machineOf(machine).storageProfile?.osDisk?.osType ?? 'Linux',
    osState: generalizedAt ? 'Generalized' : 'Specialized',
    generation,
    disks,
  }
}
