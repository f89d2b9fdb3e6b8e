import type { HyperVGeneration } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import type { VmSize } from './vm-sizes.ts'

/** Throws for an image, or a disk, that a machine of the size does not boot. */
export const requireBootable = (size: VmSize, generation: HyperVGeneration, architecture: string): void => {
  if (architecture !== 'x64') throw machineError.architectureUnbootable(size.name, architecture)
  if (!size.generations.includes(generation))
    throw machineError.generationUnbootable(size.name, generation === 'V1' ? '1' : '2')
}
