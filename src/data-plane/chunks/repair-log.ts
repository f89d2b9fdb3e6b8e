import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import type { ChunkId } from './chunk-store.ts'
import { Turns } from './turns.ts'

/** `repairs.log`: one JSON object per line for every chunk that was got back from elsewhere. A record for people; nothing reads it. */
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
