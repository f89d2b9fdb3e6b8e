import { BlockList, isIPv4, isIPv6 } from 'node:net'

// IANA's special-purpose registries, and the address at which Azure's own hosts serve credentials to their guests.
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
] as const
// Within the one block of global unicast: tunnels that lead to IPv4 addresses (Teredo, 6to4), and what is not routed.
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const

const blockList = (family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [base = '', bits = ''] = network.split('/')
    list.addSubnet(base, Number(bits), family)
  }
  return list
}
const closed4 = blockList('ipv4', special4)
const global6 = blockList('ipv6', ['2000::/3'])
const closed6 = blockList('ipv6', special6)

/**
 * Whether an address belongs to the public Internet: not this machine, its network, a carrier's, a multicast group, a metadata
 * service, nor an IPv6 form that hides an IPv4 address. What is no address is not public.
 */
export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return !closed4.check(address, 'ipv4')
  return isIPv6(address) && global6.check(address, 'ipv6') && !closed6.check(address, 'ipv6')
}
