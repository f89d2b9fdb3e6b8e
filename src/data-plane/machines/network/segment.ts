import { createHash } from 'node:crypto'

/** Where the frames of one private network travel: datagrams to a multicast group that never leave the loopback interface. */
export interface Segment {
  readonly group: string
  readonly port: number
}

/**
 * The segment of a network. 24 bits of the group and 14 of the port come from a digest of both texts, so that two networks, or the same
 * name on two servers of a host, meet with a chance of 1 in 2^38. `hostId` is another one for each server.
 */
export const segmentOf = (hostId: string, network: string): Segment => {
  const digest = createHash('sha256')
    .update(JSON.stringify([hostId, network]))
    .digest()
  const [a = 0, b = 0, c = 0] = digest
  // 239/8 is for private use (RFC 2365), without 239.255 whose addresses are given out; ports below those that systems hand out.
  return { group: `239.${a % 255}.${b}.${c}`, port: 0x4000 + (digest.readUInt16BE(3) & 0x3fff) }
}
