import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import { type ChunkIndex, idBytes, idText } from './chunk-index.ts'
import type { ChunkId } from './chunk-store.ts'
import { LineLog } from './line-log.ts'

/** A place of a pack where a chunk was found damaged. */
interface Damage {
  readonly time: string
  readonly chunk: ChunkId
  readonly pack: number
  readonly offset: number
}

/**
 * `damaged.log`: a line for every chunk that was found damaged where it lies, and was not healed. New work must not count on it, after
 * a restart either: it would be acknowledged without being there. A line goes when the place is found good, or when its pack is gone.
 */
export class DamageLog {
  readonly #lines: LineLog
  readonly #clock: Clock
  readonly #index: ChunkIndex
  readonly #known = new Map<string, Damage>()

  private constructor(files: Files, folder: string, clock: Clock, index: ChunkIndex) {
    this.#lines = new LineLog(files, path.join(folder, 'damaged.log'))
    this.#clock = clock
    this.#index = index
  }

  /** Marks in the index what lies still where it was found damaged. */
  static async load(files: Files, folder: string, clock: Clock, index: ChunkIndex): Promise<DamageLog> {
    const log = new DamageLog(files, folder, clock, index)
    // A disk that can't read even this keeps nobody from what it still can read.
    const lines = await log.#lines.read().catch((): unknown[] => [])
    for (const damage of lines.filter(isDamage)) {
      log.#known.set(keyOf(damage), damage)
      const entry = index.find(idBytes(damage.chunk))
      if (entry >= 0 && keyOf(index.place(entry)) === keyOf(damage)) index.suspect(entry)
    }
    return log
  }

  /** Durable when it resolves, unless the disk takes no writes: then it holds until the store is closed. */
  async note(entry: number): Promise<void> {
    const { pack, offset } = this.#index.place(entry)
    const chunk = idText(this.#index.idOf(entry))
    this.#index.suspect(entry)
    const damage = { time: this.#clock.now().toISOString(), chunk, pack, offset }
    const key = keyOf(damage)
    if (this.#known.has(key)) return
    this.#known.set(key, damage)
    await this.#lines.add(damage).catch(() => this.#known.delete(key))
  }

  /** These were found good where they lie: a disk that failed for a while, say. */
  async clear(entries: readonly number[]): Promise<void> {
    const places = new Set(entries.map(entry => keyOf(this.#index.place(entry))))
    for (const entry of entries) this.#index.trust(entry)
    await this.#forget(damage => places.has(keyOf(damage)))
  }

  async forgetPacks(gone: ReadonlySet<number>): Promise<void> {
    await this.#forget(({ pack }) => gone.has(pack))
  }

  /** A line too many only has a chunk stored once more. */
  async #forget(isSettled: (damage: Damage) => boolean): Promise<void> {
    const settled = [...this.#known.values()].filter(isSettled)
    if (settled.length === 0) return
    for (const damage of settled) this.#known.delete(keyOf(damage))
    await this.#lines.replace([...this.#known.values()]).catch(() => {})
  }
}

const keyOf = ({ pack, offset }: { readonly pack: number; readonly offset: number }): string => `${pack} ${offset}`

const isDamage = (line: unknown): line is Damage => {
  const { chunk, pack, offset } = line as Partial<Record<keyof Damage, unknown>>
  return (
    typeof chunk === 'string' &&
    /^[0-9a-f]{64}$/.test(chunk) &&
    Number.isSafeInteger(pack) &&
    Number.isSafeInteger(offset)
  )
}
