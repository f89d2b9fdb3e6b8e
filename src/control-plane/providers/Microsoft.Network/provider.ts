import type { Provider } from '#arm/resource-type.ts'
import type { Ipv4Range } from '#foundation/ipv4.ts'
import { networkInterfaceType } from './networkInterfaces/network-interface.ts'
import { securityGroupType, securityRuleType } from './networkSecurityGroups/security-group.ts'
import { publicAddressType } from './publicIPAddresses/public-address.ts'
import { subnetType, virtualNetworkType } from './virtualNetworks/virtual-network.ts'

export interface NetworkParts {
  /** The addresses of this host that public IP addresses are given. */
  readonly publicAddresses: Ipv4Range
}

/** What machines are joined to: networks, security groups, public addresses. */
export const networkProvider = ({ publicAddresses }: NetworkParts): Provider => ({
  namespace: 'Microsoft.Network',
  types: [
    virtualNetworkType,
    subnetType,
    securityGroupType,
    securityRuleType,
    publicAddressType(publicAddresses),
    networkInterfaceType(publicAddresses),
  ],
  operations: [],
})
