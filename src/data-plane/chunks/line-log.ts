import * as path from 'node:path'
import { type Files, type OpenFile, replaceFile } from '#foundation/files.ts'
import { Turns } from './turns.ts'

/** A file of JSON objects, one per line, that people can read too. A line that a crash tore, or that is damaged, is left out. */
export class LineLog {
  readonly #files: Files
  readonly #file: string
  readonly #turns = new Turns()

  constructor(files: Files, file: string) {
    this.#files = files
    this.#file = file
  }

  /** All lines, or those in the last `tailBytes`. */
  async read(tailBytes = Infinity): Promise<unknown[]> {
    if (!(await this.#files.exists(this.#file))) return []
    const file = await this.#files.open(this.#file, 'read')
    try {
      const sizeBytes = await file.sizeBytes()
      const start = Math.max(0, sizeBytes - tailBytes)
      const tail = Buffer.alloc(sizeBytes - start)
      await file.read(tail, start)
      return tail.toString('utf8').split('\n').flatMap(objectOf)
    } finally {
      await file.close()
    }
  }

  /** Durable when it resolves. */
  add(line: object): Promise<void> {
    return this.#turns.take(async () => {
      const exists = await this.#files.exists(this.#file)
      const file = await this.#files.open(this.#file, exists ? 'write' : 'create')
      try {
        const sizeBytes = await file.sizeBytes()
        // What was torn must not tear this one too.
        const start = sizeBytes === 0 || (await endsLine(file, sizeBytes)) ? '' : '\n'
        await file.write(Buffer.from(`${start}${textOf(line)}`), sizeBytes)
        await file.sync()
      } finally {
        await file.close()
      }
      if (!exists) await this.#files.syncDirectory(path.dirname(this.#file))
    })
  }

  /** Leaves these lines and no others; without any there is no file. */
  replace(lines: readonly object[]): Promise<void> {
    return this.#turns.take(async () => {
      if (lines.length > 0) return replaceFile(this.#files, this.#file, Buffer.from(lines.map(textOf).join('')))
      await this.#files.remove(this.#file)
      await this.#files.syncDirectory(path.dirname(this.#file))
    })
  }
}

const textOf = (line: object): string => `${JSON.stringify(line)}\n`

const endsLine = async (file: OpenFile, sizeBytes: number): Promise<boolean> => {
  const last = Buffer.alloc(1)
  await file.read(last, sizeBytes - 1)
  return last.toString('latin1') === '\n'
}

const objectOf = (line: string): object[] => {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? [value] : []
  } catch {
    return []
  }
}
