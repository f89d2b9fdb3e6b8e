import type { Command } from 'commander'
import { defaultMachines, type MachineSettings } from '../../config.ts'
import { numberIn, sizeOf } from '../options.ts'

/** What `start` is told of virtual machines. */
export interface MachineOptions {
  vmCores?: number
  vmMemory?: number
  vmQuota?: number
  vmPatience?: number
  outwardNetwork?: boolean
}

const MIB = 2 ** 20
const MINUTE_MS = 60_000

export const addMachineOptions = (command: Command): Command =>
  command
    .option(
      '--vm-cores <number>',
      'cores of all virtual machines that run (default: eight for each of the host)',
      numberIn('--vm-cores', 0, 100_000),
    )
    .option(
      '--vm-memory <size>',
      'memory of all virtual machines that run (default: half as much again as the host has)',
      sizeOf('--vm-memory'),
    )
    .option(
      '--vm-quota <number>',
      'cores of all virtual machines of a region, and of each family of sizes in it (default: 100)',
      numberIn('--vm-quota', 0, 100_000),
    )
    .option(
      '--vm-patience <minutes>',
      'how long a guest may take to report that it is provisioned (default: 40)',
      numberIn('--vm-patience', 1, 1440),
    )
    .option(
      '--outward-network',
      "let guests reach whatever this host reaches: the internet, but also the host's own services, those on its loopback interface too, and its networks. No rule of a security group binds that. For guests that you trust as you trust yourself; without it they reach nothing outward (see docs/machines.md)",
    )

/** The settings of virtual machines, with every default filled in. */
export const machineSettings = (options: MachineOptions): MachineSettings => ({
  ...defaultMachines(),
  ...(options.vmCores !== undefined && { cores: options.vmCores }),
  ...(options.vmMemory !== undefined && { memoryMiB: Math.floor(options.vmMemory / MIB) }),
  ...(options.vmQuota !== undefined && { coresPerRegion: options.vmQuota }),
  ...(options.outwardNetwork !== undefined && { outwardNetwork: options.outwardNetwork }),
  ...(options.vmPatience !== undefined && { provisioningTimeoutMs: options.vmPatience * MINUTE_MS }),
})
