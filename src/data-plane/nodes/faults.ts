import {
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  DraftBegun,
  type ManifestId,
  ManifestMissing,
} from '#data-plane/chunks/chunk-store.ts'
import { ManifestMalformed } from '#data-plane/chunks/manifest.ts'
import { StoreMissing } from '#data-plane/chunks/open-store.ts'
import { StoreFull } from '#data-plane/chunks/room.ts'
import { causesOf } from '#foundation/log.ts'

/** The region's process can't be used now: it is down, out of reach, or does not know us. */
export class NodeUnreachable extends Error {
  override readonly name = 'NodeUnreachable'
  readonly url: string
  constructor(url: string, why: string, options?: ErrorOptions) {
    super(`${url} can't be reached: ${why}.`, options)
    this.url = url
  }
}

/** The caller's token does not allow the call. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused'
  constructor(call: string) {
    super(`A token of readers does not allow ${call}.`)
  }
}

/** Something went wrong at the other end that is none of the facts that a store knows; `code` is the system's, if it has one. */
export class RemoteFault extends Error {
  override readonly name = 'RemoteFault'
  readonly code: string | undefined
  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** What a region asked its caller for, and the caller could not give. The caller knows why. */
export class AskFailed extends Error {
  override readonly name = 'AskFailed'
  readonly ask: number
  constructor(ask: number) {
    super('The caller could not give what it was asked for.')
    this.ask = ask
  }
}

/** An error as it travels. */
export interface Fault {
  readonly name: string
  readonly message: string
  readonly id?: string
  readonly code?: string
  readonly ask?: number
  /** Of a disk that is full. */
  readonly freeBytes?: number
  readonly reserveBytes?: number
  /** Of a folder that does not hold the store that it held. */
  readonly expectedId?: string
  readonly foundId?: string
}

const MOST_CHARACTERS = 2000

/** What befell a store as a whole, which the region's own name for it hides. */
const storeFault = (chain: readonly Error[]): Fault | undefined => {
  for (const error of chain) {
    const { name, message } = error
    if (error instanceof StoreFull) {
      const { freeBytes, reserveBytes } = error
      return { name, message, freeBytes, reserveBytes }
    }
    if (!(error instanceof StoreMissing)) continue
    const { expectedId, foundId } = error
    return { name, message, expectedId, ...(foundId !== undefined && { foundId }) }
  }
  return undefined
}

export const faultOf = (error: unknown): Fault => {
  const chain = causesOf(error)
  const asked = chain.find(each => each instanceof AskFailed)
  if (asked) return { name: 'AskFailed', message: asked.message, ask: asked.ask }
  const told = storeFault(chain)
  if (told) return told
  const name = chain[0]?.name ?? 'Error'
  const message = (chain[0]?.message ?? String(error)).slice(0, MOST_CHARACTERS)
  if (error instanceof ChunkMissing || error instanceof ChunkCorrupt || error instanceof ManifestMissing)
    return { name, message, id: error.id }
  const code = chain.map(each => (each as NodeJS.ErrnoException).code).find(each => /^E[A-Z0-9]+$/.test(each ?? ''))
  return { name, message, ...(code !== undefined && { code }) }
}

const facts: Readonly<Record<string, (fault: Fault, url: string) => Error>> = {
  ChunkMissing: ({ id }) => new ChunkMissing(id as ChunkId),
  ChunkCorrupt: ({ id }) => new ChunkCorrupt(id as ChunkId),
  ManifestMissing: ({ id }) => new ManifestMissing(id as ManifestId),
  StoreFull: ({ freeBytes, reserveBytes }, url) => new StoreFull(url, freeBytes ?? 0, reserveBytes ?? 0),
  StoreMissing: ({ expectedId, foundId }, url) => new StoreMissing(url, expectedId ?? '', foundId),
  DraftBegun: () => new DraftBegun(),
  ManifestMalformed: ({ message }) => new ManifestMalformed(message),
  RangeError: ({ message }) => new RangeError(message),
  AskFailed: ({ ask }) => new AskFailed(ask ?? -1),
}

/** The error behind a fault that the region at `url` sent. */
export const errorOf = (given: unknown, url: string): Error => {
  const { name, message, id, code, ask, ...rest } = (given ?? {}) as Record<string, unknown>
  const { freeBytes, reserveBytes, expectedId, foundId } = rest
  const fault: Fault = {
    name: String(name),
    message: String(message).slice(0, MOST_CHARACTERS),
    ...(typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) && { id }),
    ...(typeof code === 'string' && { code }),
    ...(typeof ask === 'number' && { ask }),
    ...(typeof freeBytes === 'number' && { freeBytes }),
    ...(typeof reserveBytes === 'number' && { reserveBytes }),
    ...(typeof expectedId === 'string' && { expectedId }),
    ...(typeof foundId === 'string' && { foundId }),
  }
  // The region's own name for a store whose disk is gone.
  if (fault.name === 'RegionUnreachable') return new NodeUnreachable(url, fault.message)
  const make = Object.hasOwn(facts, fault.name) ? facts[fault.name] : undefined
  return make?.(fault, url) ?? new RemoteFault(`${url}: ${fault.message}`, fault.code)
}
