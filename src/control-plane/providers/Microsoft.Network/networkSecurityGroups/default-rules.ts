import type { Member } from '../members.ts'

const rule = (
  name: string,
  [access, priority, direction]: readonly ['Allow' | 'Deny', number, 'Inbound' | 'Outbound'],
  [source, destination]: readonly [string, string],
  description: string,
): Member => ({
  name,
  properties: {
    description,
    protocol: '*',
    sourcePortRange: '*',
    destinationPortRange: '*',
    sourceAddressPrefix: source,
    destinationAddressPrefix: destination,
    access,
    priority,
    direction,
    sourcePortRanges: [],
    destinationPortRanges: [],
    sourceAddressPrefixes: [],
    destinationAddressPrefixes: [],
  },
})

/** The six rules behind everybody's own, in every security group of Azure. */
export const defaultRules: readonly Member[] = [
  rule(
    'AllowVnetInBound',
    ['Allow', 65000, 'Inbound'],
    ['VirtualNetwork', 'VirtualNetwork'],
    'Allow inbound traffic from all VMs in VNET',
  ),
  rule(
    'AllowAzureLoadBalancerInBound',
    ['Allow', 65001, 'Inbound'],
    ['AzureLoadBalancer', '*'],
    'Allow inbound traffic from azure load balancer',
  ),
  rule('DenyAllInBound', ['Deny', 65500, 'Inbound'], ['*', '*'], 'Deny all inbound traffic'),
  rule(
    'AllowVnetOutBound',
    ['Allow', 65000, 'Outbound'],
    ['VirtualNetwork', 'VirtualNetwork'],
    'Allow outbound traffic from all VMs to all VMs in VNET',
  ),
  rule(
    'AllowInternetOutBound',
    ['Allow', 65001, 'Outbound'],
    ['*', 'Internet'],
    'Allow outbound traffic from all VMs to Internet',
  ),
  rule('DenyAllOutBound', ['Deny', 65500, 'Outbound'], ['*', '*'], 'Deny all outbound traffic'),
]
