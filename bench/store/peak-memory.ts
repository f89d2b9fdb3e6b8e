import * as fs from 'node:fs'

/**
 * The most memory that this process has held, in MiB. The kernel's figure for a process's resources would start with what its
 * parent held.
 */
export const peakMiB = (): number => {
  const told = /^VmHWM:\s*(\d+) kB/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))?.[1]
  return Number(told) / 1024
}
