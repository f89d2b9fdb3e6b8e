import type { Borrowed } from './block-cache.ts'
import { type Line, LineBroken } from './line.ts'
import type { Agreed } from './negotiate.ts'
import {
  allocationContext,
  chunkHeader,
  chunkType,
  command,
  commandFlag,
  dataHeader,
  errorCode,
  holeStatus,
  maxRequestBytes,
  parseRequest,
  type Request,
  requestBytes,
  simpleReply,
  uint16,
  uint32,
  uint64,
} from './protocol.ts'
import type { Vigil } from './vigil.ts'

/** Requests of one client that are worked on at once; the next one waits, unread. */
const mostRunning = 16
/** What is read for one answer before it is sent. */
const pieceBytes = 512 * 1024
/** So much is answered without a turn for anybody else. */
const bytesPerTurn = 1024 * 1024
/** An answer with so much is sooner copied into one piece than sent in several. */
const copiedBytes = 16 * 1024
const mostHeadBytes = 28
/** Extents in one answer about block status; a client asks again for the rest. */
const mostStatusExtents = 8192

const refusal = { io: [errorCode.io, 'The bytes could not be read.'] } as const

/** Answers requests until the client goes; `failed` hears of bytes that could not be had. */
export const transmit = async (
  line: Line,
  agreed: Agreed,
  failed: (error: unknown) => void,
  vigil: Vigil,
): Promise<void> => {
  const session = new Session(line, agreed, failed)
  const running = new Set<Promise<void>>()
  const awaitRequest = async () => {
    if (running.size === 0) vigil.stayAwake()
    const request = await line.take(requestBytes)
    vigil.wasAsked()
    return request
  }
  let bytesAtOnce = 0
  try {
    for (;;) {
      const request = parseRequest(line.takeNow(requestBytes) ?? (await awaitRequest()))
      if (!request) throw new LineBroken('The client sends what is no request.')
      if (request.type === command.disconnect) break
      if (request.type === command.write) await session.passOverPayload(request)
      const answering = session.begin(request)
      if (!answering) {
        bytesAtOnce += request.length
        if (bytesAtOnce >= bytesPerTurn) await new Promise(resolve => setImmediate(resolve))
        if (bytesAtOnce >= bytesPerTurn) bytesAtOnce = 0
        continue
      }
      const work: Promise<void> = answering.catch(() => line.destroy()).finally(() => running.delete(work))
      running.add(work)
      if (running.size >= mostRunning) await Promise.race(running)
    }
  } finally {
    await Promise.all(running)
  }
}

class Session {
  readonly #line: Line
  readonly #agreed: Agreed
  readonly #failed: (error: unknown) => void
  /** A simple reply must not be interrupted by another one. */
  #lastReply: Promise<unknown> = Promise.resolve()
  #repliesInTurn = 0
  #reply = Buffer.alloc(mostHeadBytes + copiedBytes)

  constructor(line: Line, agreed: Agreed, failed: (error: unknown) => void) {
    this.#line = line
    this.#agreed = agreed
    this.#failed = failed
  }

  async passOverPayload({ length }: Request): Promise<void> {
    if (length > maxRequestBytes) throw new LineBroken('The client wants to write beyond all measure.')
    await this.#line.skip(length)
  }

  /** Answers nothing if the answer is sent already, as that of most short reads is: whatever waits costs several times as much. */
  begin(request: Request): Promise<void> | undefined {
    if (!this.#isShortRead(request)) return this.#answer(request)
    const blocks = this.#agreed.export.cache.readSoon(Number(request.offset), request.length)
    return blocks instanceof Promise ? this.#answerLater(request, blocks) : this.#sendRead(request, blocks)
  }

  /** One piece of data, which no other answer may follow in the middle of. */
  #isShortRead(request: Request): boolean {
    const { type, length } = request
    if (type !== command.read || length === 0 || length > pieceBytes || this.#wrongWith(request)) return false
    if (!this.#agreed.isStructured) return this.#repliesInTurn === 0
    const { holes } = this.#agreed.export.cache
    const [start, end] = rangeOf(request)
    return !holes || holes.isData(start, end)
  }

  async #answerLater(request: Request, coming: Promise<Borrowed>): Promise<void> {
    let blocks: Borrowed
    try {
      blocks = await coming
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    if (this.#agreed.isStructured) await this.#sendRead(request, blocks)
    else await this.#inTurn(async () => this.#sendRead(request, blocks))
  }

  /** Sends what belongs to the cache, and gives it back once the system has it, or the client is gone. */
  #sendRead({ cookie, offset, length }: Request, blocks: Borrowed): Promise<void> | undefined {
    const head = this.#agreed.isStructured ? dataHeader(cookie, offset, length) : simpleReply(cookie)
    if (length <= copiedBytes) return this.#sendCopy(head, blocks)
    let sent: Promise<void> | undefined
    try {
      sent = this.#line.sendSoon(head, ...blocks.parts)
    } finally {
      if (!sent) blocks.release()
    }
    return sent?.finally(() => blocks.release())
  }

  #sendCopy(head: Uint8Array, { parts, release }: Borrowed): Promise<void> | undefined {
    const reply = this.#reply
    reply.set(head)
    let end = head.length
    for (const part of parts) {
      reply.set(part, end)
      end += part.length
    }
    release()
    const sent = this.#line.sendSoon(reply.subarray(0, end))
    if (sent) this.#reply = Buffer.alloc(reply.length) // the system does not have all of the other one yet
    return sent
  }

  async #answer(request: Request): Promise<void> {
    const { write, trim, writeZeroes } = command
    if (request.type === write || request.type === trim || request.type === writeZeroes)
      return await this.#refuse(request, errorCode.notPermitted, 'This is read-only.')
    const wrong = this.#wrongWith(request)
    if (wrong) return await this.#refuse(request, errorCode.invalid, wrong)
    // What is read-only has nothing to flush.
    if (request.type === command.flush) return await this.#succeed(request)
    if (request.type === command.cache) return await this.#cache(request)
    if (request.type === command.blockStatus) return await this.#blockStatus(request)
    return this.#agreed.isStructured ? await this.#readStructured(request) : await this.#readSimply(request)
  }

  #wrongWith({ type, flags, offset, length }: Request): string | undefined {
    const { isStructured, hasBlockStatus } = this.#agreed
    const mayHave = flagsOf(type, isStructured, hasBlockStatus)
    if (mayHave === undefined) return 'There is no such command here.'
    if ((flags & ~mayHave) !== 0) return 'The command does not have these flags.'
    if (type === command.flush) return offset === 0n && length === 0 ? undefined : 'A flush has no range.'
    if (offset + BigInt(length) > BigInt(this.#agreed.export.sizeBytes)) return 'The range leaves the export.'
    if (type === command.read && length > maxRequestBytes) return 'The range is too long.'
    if (type === command.blockStatus && length === 0) return 'The range is empty.'
    return undefined
  }

  /** Sends the pieces as they come. What goes wrong behind the first one can only be told by hanging up. */
  async #readSimply(request: Request): Promise<void> {
    const { cache } = this.#agreed.export
    const [start, end] = rangeOf(request)
    let first: Borrowed
    try {
      first = await cache.read(start, Math.min(pieceBytes, end - start))
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    await this.#inTurn(async () => {
      await this.#lend(first, simpleReply(request.cookie))
      for (let at = start + pieceBytes; at < end; at += pieceBytes) {
        const piece = await cache.read(at, Math.min(pieceBytes, end - at)).catch(error => {
          this.#failed(error)
          throw error
        })
        await this.#lend(piece)
      }
    })
  }

  async #readStructured(request: Request): Promise<void> {
    const [start, end] = rangeOf(request)
    if (start === end) return await this.#succeed(request)
    if ((request.flags & commandFlag.dontFragment) !== 0) return await this.#readUnfragmented(request, start, end)
    const { cache } = this.#agreed.export
    for (const run of piecesOf(start, end, cache.holes)) {
      const isLast = run.offset + run.length === end
      if (run.isHole) {
        const header = chunkHeader(request.cookie, chunkType.hole, 12, isLast)
        await this.#line.send(header, uint64(run.offset), uint32(run.length))
        continue
      }
      try {
        const blocks = await cache.read(run.offset, run.length)
        const header = chunkHeader(request.cookie, chunkType.data, 8 + run.length, isLast)
        await this.#lend(blocks, header, uint64(run.offset))
      } catch (error) {
        if (error instanceof LineBroken) throw error
        this.#failed(error)
        return await this.#refuse(request, ...refusal.io)
      }
    }
  }

  async #readUnfragmented(request: Request, start: number, end: number): Promise<void> {
    if (end - start > pieceBytes)
      return await this.#refuse(request, errorCode.overflow, 'So much is answered only in fragments.')
    let blocks: Borrowed
    try {
      blocks = await this.#agreed.export.cache.read(start, end - start)
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    const header = chunkHeader(request.cookie, chunkType.data, 8 + end - start, true)
    await this.#lend(blocks, header, uint64(start))
  }

  /** Sends what belongs to the cache, and gives it back once the system has it, or the client is gone. */
  async #lend({ parts, release }: Borrowed, ...head: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#line.send(...head, ...parts)
    } finally {
      release()
    }
  }

  /** Takes a range into the cache; it is only a hint, so a long one is not followed to its end. */
  async #cache(request: Request): Promise<void> {
    const [start, end] = rangeOf(request)
    try {
      for (let at = start; at < Math.min(end, start + maxRequestBytes); at += pieceBytes)
        (await this.#agreed.export.cache.read(at, Math.min(pieceBytes, end - at))).release()
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    await this.#succeed(request)
  }

  async #blockStatus(request: Request): Promise<void> {
    const [start, end] = rangeOf(request)
    const most = (request.flags & commandFlag.onlyOne) !== 0 ? 1 : mostStatusExtents
    const extents: Buffer[] = []
    try {
      for (const { length, isHole } of (await this.#agreed.export.extents()).runs(start, end)) {
        extents.push(uint32(length), uint32(isHole ? holeStatus : 0))
        if (extents.length >= 2 * most) break
      }
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    const payload = Buffer.concat([uint32(allocationContext.id), ...extents])
    await this.#line.send(chunkHeader(request.cookie, chunkType.blockStatus, payload.length, true), payload)
  }

  async #succeed({ cookie }: Request): Promise<void> {
    if (this.#agreed.isStructured) await this.#line.send(chunkHeader(cookie, chunkType.none, 0, true))
    else await this.#inTurn(() => this.#line.send(simpleReply(cookie)))
  }

  async #refuse({ cookie }: Request, error: number, message: string): Promise<void> {
    if (!this.#agreed.isStructured) return await this.#inTurn(() => this.#line.send(simpleReply(cookie, error)))
    const text = Buffer.from(message)
    const payload = Buffer.concat([uint32(error), uint16(text.length), text])
    await this.#line.send(chunkHeader(cookie, chunkType.error, payload.length, true), payload)
  }

  async #inTurn(send: () => Promise<void> | undefined): Promise<void> {
    this.#repliesInTurn++
    const sent = this.#lastReply.then(send).finally(() => this.#repliesInTurn--)
    this.#lastReply = sent.catch(() => {})
    await sent
  }
}

/** The flags that a command may have; undefined for what is none here. */
const flagsOf = (type: number, isStructured: boolean, hasBlockStatus: boolean): number | undefined => {
  if (type === command.read) return isStructured ? commandFlag.dontFragment : 0
  if (type === command.flush || type === command.cache) return 0
  return type === command.blockStatus && hasBlockStatus ? commandFlag.onlyOne : undefined
}

/** Checked against the size before: a safe number. */
const rangeOf = ({ offset, length }: Request): [number, number] => [Number(offset), Number(offset) + length]

/** Holes as a whole, data in pieces. */
function* piecesOf(start: number, end: number, holes: Agreed['export']['cache']['holes']) {
  for (const run of holes?.runs(start, end) ?? [{ offset: start, length: end - start, isHole: false }]) {
    if (run.isHole) yield run
    else
      for (let at = run.offset; at < run.offset + run.length; at += pieceBytes)
        yield { offset: at, length: Math.min(pieceBytes, run.offset + run.length - at), isHole: false }
  }
}
