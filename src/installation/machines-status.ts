import type { Machines } from '#data-plane/machines/machines.ts'

/** How virtual machines fare on this host. */
export const machinesStatus = async (machines: Machines) => {
  const host = await machines.host()
  const states = await Promise.all((await machines.list()).map(id => machines.state(id)))
  return {
    accelerator: host.accelerator,
    ...(host.qemuVersion === undefined ? {} : { qemuVersion: host.qemuVersion }),
    ...(host.problem === undefined ? {} : { problem: host.problem }),
    running: states.filter(({ kind }) => kind === 'running').length,
    cores: host.cores,
    usedCores: host.usedCores,
    memoryMiB: host.memoryMiB,
    usedMemoryMiB: host.usedMemoryMiB,
  }
}
