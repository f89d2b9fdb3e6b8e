import { row } from '#arm/arm-error.ts'

/** Refusals of network interfaces. */
export const interfaceError = {
  inUse: row(
    400,
    'NicInUse',
    'a delete of a network interface that a machine has',
    (id: string, machine: string) =>
      `Network Interface ${id} is used by existing resource ${machine}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.`,
  ),
  takenByOther: row(
    400,
    'NicInUse',
    'a network interface for one machine that another one has',
    (id: string, machine: string) => `Network Interface ${id} is used by existing VM ${machine}.`,
  ),
}
