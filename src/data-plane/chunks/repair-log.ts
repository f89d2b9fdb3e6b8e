import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import type { ChunkId, Repairs } from './chunk-store.ts'
import { LineLog } from './line-log.ts'

/** So much of its end is read: some 500 repairs. */
const TAIL_BYTES = 64 * 1024

/** `repairs.log`: a line for every chunk that was got back from elsewhere. A record for people: nothing depends on it. */
export class RepairLog {
  readonly #lines: LineLog
  readonly #clock: Clock

  constructor(files: Files, folder: string, clock: Clock) {
    this.#lines = new LineLog(files, path.join(folder, 'repairs.log'))
    this.#clock = clock
  }

  /** The last ones. */
  async read(): Promise<Repairs> {
    const lines = (await this.#lines.read(TAIL_BYTES)) as NonNullable<Repairs['last']>[]
    return { count: lines.length, last: lines.at(-1) }
  }

  note(id: ChunkId, was: 'corrupt' | 'missing'): Promise<void> {
    return this.#lines.add({ time: this.#clock.now().toISOString(), chunk: id, was })
  }
}
