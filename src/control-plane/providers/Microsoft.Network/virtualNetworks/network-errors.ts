import { row } from '#arm/arm-error.ts'

/** Refusals of virtual networks and subnets. */
export const vnetError = {
  prefixFormat: row(
    400,
    'InvalidAddressPrefixFormat',
    'an address prefix that is no CIDR notation',
    (prefix: string, resource: string) =>
      `Address prefix ${prefix} of resource ${resource} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24.`,
  ),
  prefixNotAligned: row(
    400,
    'InvalidCIDRNotation',
    'an address prefix with bits behind its length',
    (prefix: string, resource: string, aligned: string) =>
      `The address prefix ${prefix} in resource ${resource} has an invalid CIDR notation. For the given prefix length, the address prefix should be ${aligned}.`,
  ),
  prefixReserved: row(
    400,
    'AddressPrefixInReservedRange',
    'an address space in a range that no network can have',
    (prefix: string, reserved: string) =>
      `Address prefix ${prefix} overlaps with the reserved range ${reserved}, which cannot be used in a virtual network.`,
  ),
  spacesOverlap: row(
    400,
    'NetcfgInvalidVirtualNetworkSite',
    'an address space whose prefixes overlap',
    (network: string, one: string, other: string) =>
      `The address space of virtual network '${network}' is not valid: ${one} and ${other} overlap.`,
  ),
  subnetWithoutPrefix: row(
    400,
    'MissingAddressPrefix',
    'a subnet without address prefix',
    (subnet: string) => `Subnet '${subnet}' has no address prefix. Specify 'addressPrefix' or 'addressPrefixes'.`,
  ),
  subnetInvalid: row(
    400,
    'NetcfgInvalidSubnet',
    'a subnet of fewer than eight addresses',
    (subnet: string, network: string) =>
      `Subnet '${subnet}' is not valid in virtual network '${network}'. The smallest subnet is a /29, the largest a /2.`,
  ),
  subnetOutside: row(
    400,
    'NetcfgSubnetRangeOutsideVnet',
    'a subnet outside of the address space',
    (subnet: string, network: string) =>
      `Subnet '${subnet}' is not valid because its IP address range is outside the IP address range of virtual network '${network}'.`,
  ),
  subnetsOverlap: row(
    400,
    'NetcfgSubnetRangesOverlap',
    'a subnet that overlaps another',
    (subnet: string, network: string) =>
      `Subnet '${subnet}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '${network}'.`,
  ),
  subnetInUse: row(
    400,
    'InUseSubnetCannotBeDeleted',
    'a delete of a subnet that network interfaces have addresses of',
    (subnet: string, user: string) =>
      `Subnet ${subnet} is in use by ${user} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.`,
  ),
  prefixInUse: row(
    400,
    'InUsePrefixCannotBeDeleted',
    'another prefix for a subnet that network interfaces have addresses of',
    (prefix: string, subnet: string) =>
      `IpPrefix ${prefix} on Subnet ${subnet} has active allocations and cannot be deleted.`,
  ),
  subnetFull: row(
    400,
    'SubnetIsFull',
    'a network interface in a subnet without a free address',
    (subnet: string, prefix: string) =>
      `Subnet ${subnet} with address prefix ${prefix} does not have enough capacity for 1 IP addresses.`,
  ),
  addressNotInSubnet: row(
    400,
    'PrivateIPAddressNotInSubnet',
    'a private address outside of the subnet',
    (address: string, prefix: string) =>
      `Private static IP address ${address} does not belong to the range of subnet prefix ${prefix}.`,
  ),
  addressReserved: row(
    400,
    'PrivateIPAddressInReservedRange',
    'one of the five addresses of a subnet that Azure keeps',
    (address: string, prefix: string) =>
      `Private static IP address ${address} falls within reserved IP range of subnet prefix ${prefix}.`,
  ),
  addressInUse: row(
    400,
    'PrivateIPAddressIsAllocated',
    'a private address that another network interface has',
    (configuration: string, address: string, other: string) =>
      `IP configuration ${configuration} is using the private IP address ${address} which is already allocated to resource ${other}.`,
  ),
}
