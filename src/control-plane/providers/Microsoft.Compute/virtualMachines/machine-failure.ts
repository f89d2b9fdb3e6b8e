import { ArmError } from '#arm/arm-error.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { HiddenOfMachine } from './machine-document.ts'
import { toldOfMachine } from './start-machine.ts'

/** What a machine keeps of work that failed, for its instance view. */
export const failureOf = (fault: unknown, machine: ResourceDocument): Pick<HiddenOfMachine, 'failure'> => {
  const { code, message } = fault instanceof ArmError ? fault : toldOfMachine(fault, machine)
  return { failure: { code, message } }
}
