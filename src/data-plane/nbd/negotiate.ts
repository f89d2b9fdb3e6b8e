import type { SecureContext } from 'node:tls'
import { isSameSecret } from '#foundation/same-secret.ts'
import { type Line, LineBroken } from './line.ts'
import type { OpenExport } from './nbd-export.ts'
import {
  allocationContext,
  greeting,
  handshakeFlag,
  info,
  maxRequestBytes,
  option,
  optionMagic,
  optionReply,
  optionReplyOf,
  transmissionFlags,
  uint16,
  uint32,
  uint64,
} from './protocol.ts'

export interface Offer {
  readonly exports: readonly OpenExport[]
  /** Whether a client may ask what there is; without it a name is a secret. */
  readonly isListed: boolean
  /** What TLS is spoken with. Where there is one, nothing else is spoken. */
  secureContext?(): SecureContext
}

/** What both sides settled on. */
export interface Agreed {
  readonly export: OpenExport
  readonly isStructured: boolean
  readonly hasBlockStatus: boolean
}

/** Real clients send fewer than ten options, of some hundred bytes. */
const mostOptions = 64
const mostOptionBytes = 16 * 1024
const mostNameBytes = 4096
const mostQueries = 64

/** The fixed newstyle handshake. Undefined when the client only wanted to ask. Everything else throws `LineBroken`. */
export const negotiate = async (line: Line, offer: Offer): Promise<Agreed | undefined> => {
  await line.send(greeting())
  const flags = (await line.take(4)).readUInt32BE(0)
  if ((flags & ~(handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes)) !== 0)
    throw new LineBroken('The client has flags that were not offered.')
  const talk = new Negotiation(line, offer, (flags & handshakeFlag.noZeroes) !== 0)
  for (let count = 0; count < mostOptions; count++) {
    const header = await line.take(16)
    const length = header.readUInt32BE(12)
    if (header.readBigUInt64BE(0) !== optionMagic || length > mostOptionBytes)
      throw new LineBroken('The client sends what is no option.')
    const ended = await talk.answer(header.readUInt32BE(8), await line.take(length))
    if (ended) return ended === 'gone' ? undefined : ended
  }
  throw new LineBroken('The client asks and asks.')
}

class Negotiation {
  readonly #line: Line
  readonly #offer: Offer
  readonly #noZeroes: boolean
  #isSecure: boolean
  #isStructured = false
  /** For which export block status was asked; another export needs to be asked about anew. */
  #statusOf: OpenExport | undefined

  constructor(line: Line, offer: Offer, noZeroes: boolean) {
    this.#line = line
    this.#offer = offer
    this.#noZeroes = noZeroes
    this.#isSecure = !offer.secureContext
  }

  async answer(asked: number, data: Buffer): Promise<Agreed | 'gone' | undefined> {
    const { abort, startTls, exportName } = option
    if (asked === abort) {
      await this.#reply(asked, optionReply.ack)
      return 'gone'
    }
    if (asked === startTls) return await this.#startTls(data)
    if (!this.#isSecure) {
      if (asked === exportName) throw new LineBroken('The client asks for an export in the clear.')
      return await this.#reply(asked, optionReply.tlsRequired)
    }
    if (asked === exportName) return await this.#exportName(data)
    if (asked === option.list) return await this.#list(data)
    if (asked === option.structuredReply) return await this.#structuredReply(data)
    if (asked === option.info || asked === option.go) return await this.#infoOrGo(asked, data)
    if (asked === option.listMetaContext || asked === option.setMetaContext) return await this.#metaContext(asked, data)
    return await this.#reply(asked, optionReply.unsupported)
  }

  async #reply(asked: number, type: number, payload?: Uint8Array): Promise<undefined> {
    await this.#line.send(optionReplyOf(asked, type, payload))
  }

  async #startTls(data: Buffer): Promise<undefined> {
    const { secureContext } = this.#offer
    if (!secureContext) return await this.#reply(option.startTls, optionReply.unsupported)
    if (this.#isSecure || data.length > 0) return await this.#reply(option.startTls, optionReply.invalid)
    await this.#reply(option.startTls, optionReply.ack)
    await this.#line.startTls(secureContext())
    this.#isSecure = true
  }

  /** The oldest way to begin: it has no room for a refusal. */
  async #exportName(name: Buffer): Promise<Agreed> {
    const found = this.#find(name)
    if (!found) throw new LineBroken('The client asks for an export that is not there.')
    const zeros = Buffer.alloc(this.#noZeroes ? 0 : 124)
    await this.#line.send(uint64(found.sizeBytes), uint16(transmissionFlags(this.#isStructured)), zeros)
    return this.#agreed(found)
  }

  async #list(data: Buffer): Promise<undefined> {
    if (data.length > 0) return await this.#reply(option.list, optionReply.invalid)
    if (!this.#offer.isListed) return await this.#reply(option.list, optionReply.policy)
    for (const { name, description } of this.#offer.exports) {
      const bytes = Buffer.from(name)
      const payload = Buffer.concat([uint32(bytes.length), bytes, Buffer.from(description)])
      await this.#reply(option.list, optionReply.server, payload)
    }
    await this.#reply(option.list, optionReply.ack)
  }

  async #structuredReply(data: Buffer): Promise<undefined> {
    if (data.length > 0) return await this.#reply(option.structuredReply, optionReply.invalid)
    this.#isStructured = true
    await this.#reply(option.structuredReply, optionReply.ack)
  }

  async #infoOrGo(asked: number, data: Buffer): Promise<Agreed | undefined> {
    const read = new Fields(data)
    const name = read.text()
    const count = read.number(2)
    if (!name || count === undefined || read.left !== 2 * count) return await this.#reply(asked, optionReply.invalid)
    const found = this.#find(name)
    if (!found) return await this.#reply(asked, optionReply.unknown)
    const wanted = new Set<number | undefined>()
    for (let i = 0; i < count; i++) wanted.add(read.number(2))
    const tell = (kind: number, ...parts: Uint8Array[]) =>
      this.#reply(asked, optionReply.info, Buffer.concat([uint16(kind), ...parts]))
    await tell(info.export, uint64(found.sizeBytes), uint16(transmissionFlags(this.#isStructured)))
    if (wanted.has(info.name)) await tell(info.name, Buffer.from(found.name))
    if (wanted.has(info.description)) await tell(info.description, Buffer.from(found.description))
    if (wanted.has(info.blockSize)) await tell(info.blockSize, uint32(1), uint32(4096), uint32(maxRequestBytes))
    await this.#reply(asked, optionReply.ack)
    return asked === option.go ? this.#agreed(found) : undefined
  }

  async #metaContext(asked: number, data: Buffer): Promise<undefined> {
    const read = new Fields(data)
    const name = read.text()
    const count = read.number(4)
    if (!this.#isStructured || !name || count === undefined || count > mostQueries)
      return await this.#reply(asked, optionReply.invalid)
    const queries: string[] = []
    for (let i = 0; i < count; i++) {
      const query = read.text()
      if (!query) return await this.#reply(asked, optionReply.invalid)
      queries.push(query.toString())
    }
    if (read.left > 0) return await this.#reply(asked, optionReply.invalid)
    const found = this.#find(name)
    if (!found) return await this.#reply(asked, optionReply.unknown)
    const isListing = asked === option.listMetaContext
    const matches = isListing
      ? count === 0 || queries.some(query => query === 'base:' || query === allocationContext.name)
      : queries.includes(allocationContext.name)
    if (!isListing) this.#statusOf = matches ? found : undefined
    const id = uint32(isListing ? 0 : allocationContext.id)
    if (matches)
      await this.#reply(asked, optionReply.metaContext, Buffer.concat([id, Buffer.from(allocationContext.name)]))
    await this.#reply(asked, optionReply.ack)
  }

  #find(name: Buffer): OpenExport | undefined {
    // Who knows an unlisted name may read: it is a secret.
    return this.#offer.exports.find(one => isSameSecret(name, one.name))
  }

  #agreed(found: OpenExport): Agreed {
    return { export: found, isStructured: this.#isStructured, hasBlockStatus: this.#statusOf === found }
  }
}

/** The members of an option's data, one after the other; undefined for one that is not all there. */
class Fields {
  readonly #data: Buffer
  #at = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  get left(): number {
    return this.#data.length - this.#at
  }

  number(length: 2 | 4): number | undefined {
    if (this.left < length) return undefined
    this.#at += length
    return this.#data.readUIntBE(this.#at - length, length)
  }

  /** A length and so many bytes. */
  text(): Buffer | undefined {
    const length = this.number(4)
    if (length === undefined || length > mostNameBytes || length > this.left) return undefined
    this.#at += length
    return this.#data.subarray(this.#at - length, this.#at)
  }
}
