import assert from 'node:assert/strict'
import * as net from 'node:net'
import * as tls from 'node:tls'
import type { NbdAddress } from './serve-nbd.ts'

/** One answer to an option. */
export interface OptionReply {
  readonly type: number
  readonly data: Buffer
}

/** What came of a request: the bytes of a read, or the extents of a block status. */
export interface Answer {
  readonly error: number
  readonly data: Buffer
  readonly holes: readonly [number, number][]
  readonly extents: readonly [length: number, flags: number][]
  readonly chunks: number
}

const be = (length: 2 | 4 | 8, value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes.subarray(8 - length)
}
const text = (value: string) => Buffer.concat([be(4, Buffer.byteLength(value)), Buffer.from(value)])

/** A client that was written from the specification alone, and says whatever a test wants said. */
export class TestNbdClient {
  #socket: net.Socket
  #buffered = Buffer.alloc(0)
  #isOver = false
  #wake: () => void = () => {}
  #nextCookie = 1n
  isStructured = false

  private constructor(socket: net.Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  static async connect(at: NbdAddress): Promise<TestNbdClient> {
    const socket = 'socketFile' in at ? net.connect(at.socketFile) : net.connect(at.port, at.host)
    const client = new TestNbdClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
    return client
  }

  /** As far as the options. */
  static async greeted(at: NbdAddress, flags = 3): Promise<TestNbdClient> {
    const client = await TestNbdClient.connect(at)
    const hello = await client.take(18)
    assert.equal(hello.toString('latin1', 0, 16), 'NBDMAGICIHAVEOPT')
    assert.equal(hello.readUInt16BE(16), 3)
    client.write(be(4, flags))
    return client
  }

  /** Ready for requests. */
  static async open(at: NbdAddress, { structured = true, status = true, name = '' } = {}): Promise<TestNbdClient> {
    const client = await TestNbdClient.greeted(at)
    if (structured) await client.structuredReplies()
    if (structured && status) await client.metaContext(10, name, ['base:allocation'])
    await client.go(7, name)
    return client
  }

  #listen(socket: net.Socket): void {
    socket.on('data', data => {
      this.#buffered = Buffer.concat([this.#buffered, data])
      this.#wake()
    })
    const over = () => {
      this.#isOver = true
      this.#wake()
    }
    socket.on('error', over)
    socket.on('close', over)
    socket.on('end', over)
  }

  async take(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      if (this.#isOver) throw new Error('hung up')
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    const bytes = this.#buffered.subarray(0, length)
    this.#buffered = this.#buffered.subarray(length)
    return bytes
  }

  /** Resolves when the server has hung up; what it says before is passed over. */
  async hungUp(): Promise<void> {
    while (!this.#isOver)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
  }

  write(...parts: Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  close(): void {
    this.#socket.destroy()
  }

  async startTls(ca?: string): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners('data')
    const secured = tls.connect({ socket: plain, host: '127.0.0.1', ...(ca ? { ca } : { rejectUnauthorized: false }) })
    this.#socket = secured
    this.#listen(secured)
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', () => resolve())
      secured.once('error', reject)
    })
  }

  /** Sends an option and gathers what is answered, up to the answer that ends it. */
  async option(asked: number, data: Uint8Array = Buffer.alloc(0)): Promise<OptionReply[]> {
    this.write(Buffer.from('IHAVEOPT'), be(4, asked), be(4, data.length), data)
    const replies: OptionReply[] = []
    for (;;) {
      const header = await this.take(20)
      assert.equal(header.readBigUInt64BE(0), 0x3e889045565a9n)
      assert.equal(header.readUInt32BE(8), asked)
      const type = header.readUInt32BE(12)
      replies.push({ type, data: await this.take(header.readUInt32BE(16)) })
      if (type === 1 || type >= 0x80000000) return replies
    }
  }

  async structuredReplies(): Promise<void> {
    assert.deepEqual(
      (await this.option(8)).map(({ type }) => type),
      [1],
    )
    this.isStructured = true
  }

  metaContext(asked: 9 | 10, name: string, queries: readonly string[]): Promise<OptionReply[]> {
    return this.option(asked, Buffer.concat([text(name), be(4, queries.length), ...queries.map(text)]))
  }

  go(asked: 6 | 7, name: string, infos: readonly number[] = []): Promise<OptionReply[]> {
    return this.option(asked, Buffer.concat([text(name), be(2, infos.length), ...infos.map(info => be(2, info))]))
  }

  exportName(name: string): void {
    this.write(Buffer.from('IHAVEOPT'), be(4, 1), be(4, Buffer.byteLength(name)), Buffer.from(name))
  }

  /** Sends a request without waiting; answers must be taken in the order in which they come. */
  send(type: number, offset: number | bigint, length: number, flags = 0): bigint {
    const cookie = this.#nextCookie++
    this.write(be(4, 0x25609513), be(2, flags), be(2, type), be(8, cookie), be(8, offset), be(4, length))
    return cookie
  }

  /** One request, and all of its answer. */
  async ask(type: number, offset: number | bigint, length: number, flags = 0): Promise<Answer> {
    const cookie = this.send(type, offset, length, flags)
    return this.isStructured
      ? await this.#structured(cookie, Number(offset), length)
      : await this.#simple(cookie, type === 0 ? length : 0)
  }

  async #simple(cookie: bigint, length: number): Promise<Answer> {
    const header = await this.take(16)
    assert.equal(header.readUInt32BE(0), 0x67446698)
    assert.equal(header.readBigUInt64BE(8), cookie)
    const error = header.readUInt32BE(4)
    return { error, data: await this.take(error ? 0 : length), holes: [], extents: [], chunks: 0 }
  }

  async #structured(cookie: bigint, offset: number, length: number): Promise<Answer> {
    const data = Buffer.alloc(length < 2 ** 26 ? length : 0, 0xee)
    const answer = { error: 0, data, holes: [] as [number, number][], extents: [] as [number, number][], chunks: 0 }
    for (;;) {
      const header = await this.take(20)
      assert.equal(header.readUInt32BE(0), 0x668e33ef)
      assert.equal(header.readBigUInt64BE(8), cookie)
      const [isLast, type] = [header.readUInt16BE(4) === 1, header.readUInt16BE(6)]
      const payload = await this.take(header.readUInt32BE(16))
      answer.chunks++
      if (type === 1) payload.copy(data, Number(payload.readBigUInt64BE(0)) - offset, 8)
      else if (type === 2) {
        const at = Number(payload.readBigUInt64BE(0))
        data.fill(0, at - offset, at - offset + payload.readUInt32BE(8))
        answer.holes.push([at, payload.readUInt32BE(8)])
      } else if (type === 5) {
        assert.equal(payload.readUInt32BE(0), 1)
        for (let at = 4; at < payload.length; at += 8)
          answer.extents.push([payload.readUInt32BE(at), payload.readUInt32BE(at + 4)])
      } else if (type === 0x8001) {
        answer.error = payload.readUInt32BE(0)
        assert.equal(payload.readUInt16BE(4), payload.length - 6)
      } else assert.equal(type, 0)
      if (isLast) return answer
    }
  }
}
