import { type Line, LineBroken } from './line.ts'
import type { Agreed } from './negotiate.ts'
import {
  allocationContext,
  chunkHeader,
  chunkType,
  command,
  commandFlag,
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

/** Requests of one client that are worked on at once; the next one waits, unread. */
const mostRunning = 16
/** What is read for one answer before it is sent. */
const pieceBytes = 512 * 1024
/** Extents in one answer about block status; a client asks again for the rest. */
const mostStatusExtents = 8192

const refusal = { io: [errorCode.io, 'The bytes could not be read.'] } as const

/** Answers requests until the client goes; `failed` hears of bytes that could not be had. */
export const transmit = async (line: Line, agreed: Agreed, failed: (error: unknown) => void): Promise<void> => {
  const session = new Session(line, agreed, failed)
  const running = new Set<Promise<void>>()
  try {
    for (;;) {
      const request = parseRequest(await line.take(requestBytes))
      if (!request) throw new LineBroken('The client sends what is no request.')
      if (request.type === command.disconnect) break
      if (request.type === command.write) await session.passOverPayload(request)
      const work: Promise<void> = session
        .answer(request)
        .catch(() => line.destroy())
        .finally(() => running.delete(work))
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

  constructor(line: Line, agreed: Agreed, failed: (error: unknown) => void) {
    this.#line = line
    this.#agreed = agreed
    this.#failed = failed
  }

  async passOverPayload({ length }: Request): Promise<void> {
    if (length > maxRequestBytes) throw new LineBroken('The client wants to write beyond all measure.')
    await this.#line.skip(length)
  }

  async answer(request: Request): Promise<void> {
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
    const mayHave = new Map<number, number>([
      [command.read, isStructured ? commandFlag.dontFragment : 0],
      [command.flush, 0],
      [command.cache, 0],
      ...(hasBlockStatus ? ([[command.blockStatus, commandFlag.onlyOne]] as const) : []),
    ]).get(type)
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
    let first: Uint8Array[]
    try {
      first = await cache.read(start, Math.min(pieceBytes, end - start))
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    await this.#inTurn(async () => {
      await this.#line.send(simpleReply(request.cookie), ...first)
      for (let at = start + pieceBytes; at < end; at += pieceBytes) {
        const piece = await cache.read(at, Math.min(pieceBytes, end - at)).catch(error => {
          this.#failed(error)
          throw error
        })
        await this.#line.send(...piece)
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
        await this.#line.send(header, uint64(run.offset), ...blocks)
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
    let blocks: Uint8Array[]
    try {
      blocks = await this.#agreed.export.cache.read(start, end - start)
    } catch (error) {
      this.#failed(error)
      return await this.#refuse(request, ...refusal.io)
    }
    const header = chunkHeader(request.cookie, chunkType.data, 8 + end - start, true)
    await this.#line.send(header, uint64(start), ...blocks)
  }

  /** Takes a range into the cache; it is only a hint, so a long one is not followed to its end. */
  async #cache(request: Request): Promise<void> {
    const [start, end] = rangeOf(request)
    try {
      for (let at = start; at < Math.min(end, start + maxRequestBytes); at += pieceBytes)
        await this.#agreed.export.cache.read(at, Math.min(pieceBytes, end - at))
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

  async #inTurn(send: () => Promise<void>): Promise<void> {
    const sent = this.#lastReply.then(send)
    this.#lastReply = sent.catch(() => {})
    await sent
  }
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
