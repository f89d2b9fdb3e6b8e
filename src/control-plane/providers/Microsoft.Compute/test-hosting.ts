import { MemoryMachines } from '#data-plane/machines/memory-machines.ts'
import { FakeClock } from '#foundation/clock.ts'
import { defaultMachineLimits, type MachineHosting } from './machine-hosting.ts'

/** A host of its own, for a test of something else. */
export const testHosting = (): MachineHosting => ({
  machines: new MemoryMachines({ clock: new FakeClock() }),
  hostBoot: async () => 'boot',
  diagnosticsUrl: () => '',
  limits: defaultMachineLimits,
})
