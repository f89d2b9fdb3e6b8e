import { row } from '#arm/arm-error.ts'

/** Refusals of public IP addresses. */
export const publicAddressError = {
  stillAllocated: row(
    400,
    'PublicIPAddressCannotBeDeleted',
    'a delete of a public address that a network interface has',
    (id: string, user: string) =>
      `Public IP address ${id} can not be deleted since it is still allocated to resource ${user}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip.`,
  ),
  standardMustBeStatic: row(
    400,
    'StandardSkuPublicIPAddressesMustBeStatic',
    'a Standard address with dynamic allocation',
    (id: string) => `Standard sku publicIp ${id} must have AllocationMethod set to Static.`,
  ),
  inUse: row(
    400,
    'PublicIPAddressInUse',
    'a public address that another network interface has',
    (configuration: string, id: string, other: string) =>
      `Resource ${configuration} is referencing public IP address ${id} that is already allocated to resource ${other}.`,
  ),
  noneLeft: row(
    400,
    'PublicIPCountLimitReached',
    'no address left in the range of the server',
    (count: number, range: string) =>
      `Cannot create more than ${count} public IP addresses: the range ${range} of this server is used up. Start it with a larger one (--public-addresses).`,
  ),
}
