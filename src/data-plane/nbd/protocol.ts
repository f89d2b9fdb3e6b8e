// The numbers of https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, as far as a read-only server needs them.
// Everything on the wire is big-endian.

export const greetingMagic = 0x4e42444d41474943n
export const optionMagic = 0x49484156454f5054n
export const optionReplyMagic = 0x0003e889045565a9n
export const requestMagic = 0x25609513
export const simpleReplyMagic = 0x67446698
export const structuredReplyMagic = 0x668e33ef

/** Both of the server's handshake flags, and the client's. */
export const handshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const

export const option = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const

export const optionReply = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
} as const

export const info = { export: 0, name: 1, description: 2, blockSize: 3 } as const

const transmissionFlag = { hasFlags: 1, readOnly: 2, flush: 4, dontFragment: 128, multiConnection: 256, cache: 1024 }

/** What every export can do; without structured replies there are no fragments to refuse. */
export const transmissionFlags = (isStructured: boolean): number => {
  const { hasFlags, readOnly, flush, dontFragment, multiConnection, cache } = transmissionFlag
  return hasFlags | readOnly | flush | multiConnection | cache | (isStructured ? dontFragment : 0)
}

export const command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const

export const commandFlag = { dontFragment: 4, onlyOne: 8 } as const

export const chunkType = { none: 0, data: 1, hole: 2, blockStatus: 5, error: 0x8001 } as const

/** The protocol's own errno values, whatever the platform calls them. */
export const errorCode = { notPermitted: 1, io: 5, invalid: 22, overflow: 75 } as const

/** The one metadata context, and the number under which it is agreed on. */
export const allocationContext = { name: 'base:allocation', id: 1 } as const
/** What a client may count on in a hole: nothing is stored there, and it reads as zeros. */
export const holeStatus = 3

/** Clients that don't ask may send this much, so it is what all may. */
export const maxRequestBytes = 32 * 1024 * 1024

export interface Request {
  readonly flags: number
  readonly type: number
  /** Eight bytes that the answer repeats. */
  readonly cookie: Buffer
  readonly offset: bigint
  readonly length: number
}

export const requestBytes = 28

/** Undefined for what is no request: then nobody knows where the next one begins. */
export const parseRequest = (header: Buffer): Request | undefined => {
  if (header.readUInt32BE(0) !== requestMagic) return undefined
  return {
    flags: header.readUInt16BE(4),
    type: header.readUInt16BE(6),
    cookie: header.subarray(8, 16),
    offset: header.readBigUInt64BE(16),
    length: header.readUInt32BE(24),
  }
}

export const greeting = (): Buffer => {
  const bytes = Buffer.alloc(18)
  bytes.writeBigUInt64BE(greetingMagic, 0)
  bytes.writeBigUInt64BE(optionMagic, 8)
  bytes.writeUInt16BE(handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes, 16)
  return bytes
}

export const optionReplyOf = (asked: number, type: number, payload: Uint8Array = new Uint8Array()): Buffer => {
  const header = Buffer.alloc(20)
  header.writeBigUInt64BE(optionReplyMagic, 0)
  header.writeUInt32BE(asked, 8)
  header.writeUInt32BE(type, 12)
  header.writeUInt32BE(payload.length, 16)
  return Buffer.concat([header, payload])
}

export const simpleReply = (cookie: Uint8Array, error = 0): Buffer => {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(simpleReplyMagic, 0)
  bytes.writeUInt32BE(error, 4)
  bytes.set(cookie, 8)
  return bytes
}

/** The head of a chunk of a structured reply; `length` bytes of payload follow. */
export const chunkHeader = (cookie: Uint8Array, type: number, length: number, isLast: boolean): Buffer => {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32BE(structuredReplyMagic, 0)
  bytes.writeUInt16BE(isLast ? 1 : 0, 4)
  bytes.writeUInt16BE(type, 6)
  bytes.set(cookie, 8)
  bytes.writeUInt32BE(length, 16)
  return bytes
}

/** The head of the last chunk of a structured reply, all of which is data. */
export const dataHeader = (cookie: Uint8Array, offset: bigint, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(28)
  bytes.writeUInt32BE(structuredReplyMagic, 0)
  bytes.writeUInt16BE(1, 4)
  bytes.writeUInt16BE(chunkType.data, 6)
  bytes.set(cookie, 8)
  bytes.writeUInt32BE(8 + length, 16)
  bytes.writeBigUInt64BE(offset, 20)
  return bytes
}

export const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
