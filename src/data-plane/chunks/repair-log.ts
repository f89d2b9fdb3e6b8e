import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import type { ChunkId, Repairs } from './chunk-store.ts'
import { Turns } from './turns.ts'

/** So much of its end is read: some 500 repairs. */
const TAIL_BYTES = 64 * 1024

/** `repairs.log`: one JSON object per line for every chunk that was got back from elsewhere. A record for people: nothing depends on it. */
export class RepairLog {
  readonly #files: Files
  readonly #file: string
  readonly #clock: Clock
  readonly #turns = new Turns()

  constructor(files: Files, folder: string, clock: Clock) {
    this.#files = files
    this.#file = path.join(folder, 'repairs.log')
    this.#clock = clock
  }

  /** The last ones. A line that was torn is left out. */
  async read(): Promise<Repairs> {
    if (!(await this.#files.exists(this.#file))) return { count: 0, last: undefined }
    const file = await this.#files.open(this.#file, 'read')
    try {
      const sizeBytes = await file.sizeBytes()
      const start = Math.max(0, sizeBytes - TAIL_BYTES)
      const tail = Buffer.alloc(sizeBytes - start)
      await file.read(tail, start)
      const lines = tail
        .toString('utf8')
        .split('\n')
        .filter(line => line.startsWith('{') && line.endsWith('}'))
      const last = lines.at(-1)
      return { count: lines.length, last: last === undefined ? undefined : JSON.parse(last) }
    } finally {
      await file.close()
    }
  }

  note(id: ChunkId, was: 'corrupt' | 'missing'): Promise<void> {
    const line = Buffer.from(`${JSON.stringify({ time: this.#clock.now().toISOString(), chunk: id, was })}\n`)
    return this.#turns.take(async () => {
      const exists = await this.#files.exists(this.#file)
      const file = await this.#files.open(this.#file, exists ? 'write' : 'create')
      try {
        await file.write(line, await file.sizeBytes())
        await file.sync()
      } finally {
        await file.close()
      }
      if (!exists) await this.#files.syncDirectory(path.dirname(this.#file))
    })
  }
}
