/** What a guest wants: an offer of an address, or its confirmation. */
export interface DhcpRequest {
  readonly kind: 'discover' | 'request'
  /** `00:0d:3a:12:34:56` */
  readonly mac: string
  /** Tells its answers apart. */
  readonly transaction: number
  /** The answer must go to everybody: the guest can't take one to an address that it does not have yet. */
  readonly wantsBroadcast: boolean
  /** In a request: the address that the guest took. */
  readonly address: string | undefined
  /** In a request: whose offer it took; absent where it asks for its old address again. */
  readonly server: string | undefined
}

export interface Lease {
  readonly address: string
  readonly prefixLength: number
}

const etherHead = 14
const ipHead = 20
const udpHead = 8
const optionsAt = 240 // in the message, behind its magic cookie
const cookie = 0x63825363
const forEver = 0xffffffff
const kinds = { 1: 'discover', 3: 'request' } as const

const option = { mask: 1, address: 50, lease: 51, kind: 53, server: 54, end: 255, padding: 0 }

const ipBytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number))
const ipText = (bytes: Uint8Array): string => [...bytes].join('.')
const macText = (bytes: Uint8Array) => [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':')
const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex')

const readOptions = (bytes: Buffer): Map<number, Buffer> | undefined => {
  const options = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? option.end
    if (code === option.end) return options
    at += 1
    if (code === option.padding) continue
    const length = bytes[at]
    if (length === undefined || at + 1 + length > bytes.length) return undefined
    options.set(code, bytes.subarray(at + 1, at + 1 + length))
    at += 1 + length
  }
  return options
}

/** The message in an Ethernet frame from a client's port to a server's; undefined for any other, and for one that is cut short. */
const dhcpMessage = (frame: Buffer): Buffer | undefined => {
  if (frame.length < etherHead + ipHead + udpHead + optionsAt || frame.readUInt16BE(12) !== 0x0800) return undefined
  const ip = frame.subarray(etherHead)
  const headBytes = ((ip[0] ?? 0) & 15) * 4
  const isWhole = (ip.readUInt16BE(6) & 0x3fff) === 0 // no fragment of a larger packet
  if ((ip[0] ?? 0) >> 4 !== 4 || headBytes < ipHead || ip[9] !== 17 || !isWhole) return undefined
  const udp = ip.subarray(headBytes)
  if (udp.length < udpHead + optionsAt || udp.readUInt16BE(0) !== 68 || udp.readUInt16BE(2) !== 67) return undefined
  const length = udp.readUInt16BE(4)
  return length < udpHead + optionsAt || length > udp.length ? undefined : udp.subarray(udpHead, length)
}

/** Reads what a guest sent. `undefined` for all that is not a DHCP discovery or request over Ethernet (RFC 2131), whole and from its own sender. */
export const readDhcp = (frame: Buffer): DhcpRequest | undefined => {
  const message = dhcpMessage(frame)
  if (message?.[0] !== 1 || message[1] !== 1 || message[2] !== 6) return undefined
  if (message.readUInt32BE(236) !== cookie) return undefined
  const hardware = message.subarray(28, 34)
  if (!hardware.equals(frame.subarray(6, 12))) return undefined
  const options = readOptions(message.subarray(optionsAt))
  const kind = kinds[options?.get(option.kind)?.[0] as keyof typeof kinds]
  if (!options || !kind) return undefined
  const named = (code: number) => {
    const bytes = options.get(code)
    return bytes?.length === 4 ? ipText(bytes) : undefined
  }
  const current = ipText(message.subarray(12, 16))
  return {
    kind,
    mac: macText(hardware),
    transaction: message.readUInt32BE(4),
    wantsBroadcast: (message.readUInt16BE(10) & 0x8000) !== 0,
    address: named(option.address) ?? (current === '0.0.0.0' ? undefined : current),
    server: named(option.server),
  }
}

const maskOf = (prefixLength: number) => {
  const mask = Buffer.alloc(4)
  mask.writeUInt32BE(prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0)
  return mask
}

/** The first address of the lease's subnet, which Azure keeps for itself: our answers come from there. */
export const serverAddress = ({ address, prefixLength }: Lease): string => {
  const mask = maskOf(prefixLength).readUInt32BE()
  const first = Buffer.alloc(4)
  first.writeUInt32BE(((ipBytes(address).readUInt32BE() & mask) >>> 0) + 1)
  return ipText(first)
}

const checksum = (head: Buffer) => {
  let sum = 0
  for (let at = 0; at < head.length; at += 2) sum += head.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const options = (kind: number, lease: Lease | undefined, server: string) => {
  const written = (code: number, content: Uint8Array) => Buffer.concat([Buffer.from([code, content.length]), content])
  const time = Buffer.alloc(4)
  time.writeUInt32BE(forEver)
  return Buffer.concat([
    written(option.kind, Buffer.from([kind])),
    written(option.server, ipBytes(server)),
    ...(lease ? [written(option.lease, time), written(option.mask, maskOf(lease.prefixLength))] : []),
    Buffer.from([option.end]),
  ])
}

/**
 * The frame that answers: an offer, an acknowledgement for the address that is the guest's, or a refusal of another one. No router, no
 * name server, no routes: a private network leads nowhere. `serverMac` is who it comes from.
 */
export const answerDhcp = (request: DhcpRequest, lease: Lease, serverMac: string): Buffer | undefined => {
  const server = serverAddress(lease)
  if (request.kind === 'request' && request.server !== undefined && request.server !== server) return undefined
  const refused = request.kind === 'request' && request.address !== undefined && request.address !== lease.address
  const toAll = request.wantsBroadcast || refused
  const message = Buffer.alloc(optionsAt)
  message.set([2, 1, 6, 0])
  message.writeUInt32BE(request.transaction, 4)
  message.writeUInt16BE(request.wantsBroadcast ? 0x8000 : 0, 10)
  if (!refused) message.set(ipBytes(lease.address), 16)
  message.set(macBytes(request.mac), 28)
  message.writeUInt32BE(cookie, 236)
  const kind = refused ? 6 : request.kind === 'discover' ? 2 : 5
  const body = Buffer.concat([message, options(kind, refused ? undefined : lease, server)])

  const ether = Buffer.concat([
    toAll ? Buffer.alloc(6, 0xff) : macBytes(request.mac),
    macBytes(serverMac),
    Buffer.from([8, 0]),
  ])
  const ip = Buffer.alloc(ipHead)
  ip.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17])
  ip.writeUInt16BE(ipHead + udpHead + body.length, 2)
  ip.set(ipBytes(server), 12)
  ip.set(toAll ? [255, 255, 255, 255] : ipBytes(lease.address), 16)
  ip.writeUInt16BE(checksum(ip), 10)
  const udp = Buffer.alloc(udpHead) // without a checksum, which IPv4 permits
  udp.writeUInt16BE(67, 0)
  udp.writeUInt16BE(68, 2)
  udp.writeUInt16BE(udpHead + body.length, 4)
  return Buffer.concat([ether, ip, udp, body])
}
