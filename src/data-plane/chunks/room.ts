import type { Files } from '#foundation/files.ts'
import type { StoreRoom } from './chunk-store.ts'

/** The disk is so full that new bytes are refused. What is there can be read, released and collected. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull'
  readonly folder: string
  readonly freeBytes: number
  readonly reserveBytes: number
  constructor(folder: string, freeBytes: number, reserveBytes: number) {
    super(
      `The disk of ${folder} is full: ${freeBytes} bytes are free, and ${reserveBytes} are kept for what must go on.`,
    )
    this.folder = folder
    this.freeBytes = freeBytes
    this.reserveBytes = reserveBytes
  }
}

/** On a small disk the reserve is this part of it. */
const MOST_OF_DISK = 0.05
/** New bytes after which the disk is looked at again. */
const LOOK_BYTES = 8 * 1024 * 1024

/**
 * Refuses new bytes while the disk still has room for all that must not fail: holds, releases, collections, healing, and the database
 * that may lie on the same disk.
 */
export class Room {
  readonly #files: Files
  readonly #folder: string
  readonly #reserveBytes: number
  #sinceLook = 0

  constructor(files: Files, folder: string, reserveBytes: number) {
    this.#files = files
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  /** Undefined where the file system does not tell. */
  async look(): Promise<StoreRoom | undefined> {
    const space = await this.#files.space(this.#folder).catch(() => undefined)
    if (!space) return undefined
    return { freeBytes: space.freeBytes, reserveBytes: Math.min(this.#reserveBytes, space.totalBytes * MOST_OF_DISK) }
  }

  /** Throws `StoreFull` if nothing new is taken now. */
  async require(): Promise<void> {
    if (this.#reserveBytes === 0) return
    this.#sinceLook = 0
    const now = await this.look()
    if (now && now.freeBytes < now.reserveBytes) throw new StoreFull(this.#folder, now.freeBytes, now.reserveBytes)
  }

  /** The same, asked beside every write: looks when enough has been written since it last did. */
  async take(bytes: number): Promise<void> {
    this.#sinceLook += bytes
    if (this.#sinceLook >= LOOK_BYTES) await this.require()
  }
}
