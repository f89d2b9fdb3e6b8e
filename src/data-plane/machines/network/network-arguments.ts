import type { Forward, MachineSpec } from '../machines.ts'
import { fabricAddress, managementAddress, managementMac, metadataAddress, nameServerAddress } from './management.ts'
import { segmentOf } from './segment.ts'

export interface NetworkPaths {
  /** The unix socket that answers this machine's metadata requests, see `openMetadata`; from QEMU's working folder, or absolute. */
  readonly metadataSocket: string
  /** `socat`, by its absolute path: a process of it for each connection of the guest to its metadata. */
  readonly socat: string
  /** Names this server among all on the host, for good: the networks of two never meet. */
  readonly hostId: string
  /** The guest reaches what the host reaches, its own loopback interface too. */
  readonly isOutward?: boolean
}

/** The id of the user network in QEMU's monitor. */
export const managementNetdev = 'management'

/** `tcp:127.10.0.5:22-169.254.169.15:22`, as `hostfwd` and the monitor's `hostfwd_add` want it. */
export const forwardRule = ({ protocol, address, port }: Forward): string =>
  `${protocol}:${address}:${port}-${managementAddress}:${port}`

const longestSocketPath = 107

/**
 * Three readers take the command apart: QEMU at commas, then a shell's rules for words, then socat at its own signs. A path of
 * these characters means the same to all.
 */
const plainPath = (path: string): string => {
  if (!/^[\w./ @%+=-]+$/.test(path))
    throw new Error(`A path that QEMU hands on may have letters, digits, spaces and ./@%+=-_ only: ${path}`)
  return path
}

const relay = ({ socat, metadataSocket }: NetworkPaths) => {
  if (Buffer.byteLength(metadataSocket) > longestSocketPath)
    throw new Error(`The path of a unix socket has at most ${longestSocketPath} bytes: ${metadataSocket}`)
  // Half a minute after either side has closed, or of silence: a connection that is forgotten ends.
  return `cmd:'${plainPath(socat)}' -T 30 - 'UNIX-CONNECT:${plainPath(metadataSocket)}'`
}

/**
 * The interfaces of a machine. The first is its own user network, on which it reaches nothing but its metadata: the network holds
 * both well-known addresses, 169.254.169.254 and 168.63.129.16, so that neither needs a route, and `restrict` drops all else, unless the
 * guest is to have a way outward: then it hands out a default route and a name server. Forwards arrive there. Each further one is a cable into a private network. Throws an `Error` for a path that can't be passed on.
 */
export const networkArguments = (spec: MachineSpec, paths: NetworkPaths): string[] => {
  const command = relay(paths)
  const management = [
    `user,id=${managementNetdev}`,
    'net=168.0.0.0/7',
    'host=169.254.169.2',
    `dhcpstart=${managementAddress}`,
    ...(paths.isOutward ? [`dns=${nameServerAddress}`, 'restrict=off'] : ['restrict=on']),
    'ipv6=off',
    ...[metadataAddress, fabricAddress].map(address => `guestfwd=tcp:${address}:80-${command}`),
    ...spec.nics.flatMap(nic => nic.forwards).map(forward => `hostfwd=${forwardRule(forward)}`),
  ].join(',')
  const device = (netdev: string, mac: string) => `virtio-net-pci,id=${netdev}-nic,netdev=${netdev},mac=${mac},romfile=`
  const privateNics = spec.nics.flatMap((nic, index) => {
    const { group, port } = segmentOf(paths.hostId, nic.network)
    const cable = `socket,id=private${index},mcast=${group}:${port},localaddr=127.0.0.1`
    return ['-netdev', cable, '-device', device(`private${index}`, nic.mac)]
  })
  return ['-netdev', management, '-device', device(managementNetdev, managementMac(spec.id)), ...privateNics]
}
