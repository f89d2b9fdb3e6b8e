import { HostFull } from './machines.ts'

/** What machines may have of their host altogether. */
export interface HostLimits {
  /** Oversubscribed by design: machines idle most of the time. */
  readonly cores: number
  readonly memoryMiB: number
  /** Bytes of the disk under the machines' folder that no machine may be started into. */
  readonly diskReserveBytes: number
}

export interface Share {
  readonly cores: number
  readonly memoryMiB: number
}

export const sumOf = (shares: readonly Share[]): Share => ({
  cores: shares.reduce((sum, { cores }) => sum + cores, 0),
  memoryMiB: shares.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
})

/** Throws `HostFull` if a machine does not fit beside those that run. */
export const admit = (wanted: Share, running: readonly Share[], limits: HostLimits, freeBytes: number): void => {
  const used = sumOf(running)
  if (used.cores + wanted.cores > limits.cores)
    throw new HostFull(
      'cores',
      `${wanted.cores} cores are wanted, ${limits.cores - used.cores} of ${limits.cores} are free.`,
    )
  if (used.memoryMiB + wanted.memoryMiB > limits.memoryMiB)
    throw new HostFull(
      'memory',
      `${wanted.memoryMiB} MiB of memory are wanted, ${limits.memoryMiB - used.memoryMiB} of ${limits.memoryMiB} are free.`,
    )
  if (freeBytes < limits.diskReserveBytes)
    throw new HostFull(
      'disk',
      `${freeBytes} bytes of the host's disk are free, and ${limits.diskReserveBytes} are kept in reserve.`,
    )
}
