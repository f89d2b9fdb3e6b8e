import * as path from 'node:path'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import { hashOf } from './chunk-kernel.ts'
import type { Hold, ManifestId } from './chunk-store.ts'
import { frameOf, readFrames } from './frames.ts'
import { Turns } from './turns.ts'

const MAX_NAME_LENGTH = 1024
const MAGIC = Buffer.from('OGHOLD01', 'latin1')
const NAME = /^[0-9a-f]{64}$/

/** A file that says what must be kept can't be read: nothing is freed until it is mended or its name is held again. */
export class HoldDamaged extends Error {
  override readonly name = 'HoldDamaged'
  readonly file: string
  constructor(file: string) {
    super(`The hold in ${file} can't be read, so nothing can be freed. Hold its name again, or remove the file.`)
    this.file = file
  }
}

/** The holds: one small file each, replaced as a whole, and all of them in memory. */
export class Holds {
  readonly #files: Files
  readonly #folder: string
  readonly #byName = new Map<string, ManifestId>()
  readonly #damaged = new Set<string>()
  /** What a name held before and after a change that failed half-way: the disk may have either, so both are kept. */
  readonly #inDoubt = new Map<string, ManifestId[]>()
  readonly #turns = new Turns()

  private constructor(files: Files, folder: string) {
    this.#files = files
    this.#folder = folder
  }

  static async load(files: Files, storeFolder: string): Promise<Holds> {
    const holds = new Holds(files, path.join(storeFolder, 'holds'))
    for (const file of await files.list(holds.#folder)) if (NAME.test(file)) await holds.#load(file)
    return holds
  }

  async #load(file: string): Promise<void> {
    const full = path.join(this.#folder, file)
    const hold = decodeHold(await readWhole(this.#files, full).catch(() => Buffer.alloc(0)))
    if (hold && fileOf(hold.name) === file) this.#byName.set(hold.name, hold.manifest)
    else this.#damaged.add(full)
  }

  /** Throws `HoldDamaged` if it is not known what all holds keep. */
  requireWhole(): void {
    for (const file of this.#damaged) throw new HoldDamaged(file)
  }

  get(name: string): ManifestId | undefined {
    return this.#byName.get(name)
  }

  all(): Hold[] {
    return [...this.#byName].map(([name, manifest]) => ({ name, manifest }))
  }

  /** Manifests that a collection must keep. */
  kept(): ManifestId[] {
    return [...this.#byName.values(), ...[...this.#inDoubt.values()].flat()]
  }

  /** Durable when it resolves. */
  async set(name: string, manifest: ManifestId): Promise<void> {
    requireName(name)
    const file = path.join(this.#folder, fileOf(name))
    await this.#turns.take(async () => {
      if (this.#byName.get(name) === manifest && !this.#inDoubt.has(name)) return
      const doubts = this.#inDoubt.get(name) ?? []
      this.#inDoubt.set(name, [...doubts, manifest])
      await replaceFile(this.#files, file, encodeHold({ name, manifest }))
      this.#inDoubt.delete(name)
      this.#byName.set(name, manifest)
      this.#damaged.delete(file)
    })
  }

  async remove(name: string): Promise<void> {
    const file = path.join(this.#folder, fileOf(name))
    await this.#turns.take(async () => {
      if (!this.#byName.has(name) && !this.#inDoubt.has(name) && !this.#damaged.has(file)) return
      await this.#files.remove(file)
      await this.#files.syncDirectory(this.#folder)
      this.#byName.delete(name)
      this.#inDoubt.delete(name)
      this.#damaged.delete(file)
    })
  }
}

export const requireName = (name: string): void => {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH || !name.isWellFormed())
    throw new RangeError(`A name is well-formed text of 1 to ${MAX_NAME_LENGTH} characters.`)
}

/** Names are any text; file names are not. */
export const fileOf = (name: string): string => hashOf(Buffer.from(name, 'utf8')).toString('hex')

const encodeHold = ({ name, manifest }: Hold): Buffer =>
  Buffer.concat([MAGIC, frameOf(Buffer.concat([Buffer.from(manifest, 'hex'), Buffer.from(name, 'utf8')]))])

const decodeHold = (bytes: Buffer): Hold | undefined => {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const payload = readFrames(bytes, MAGIC.length).payloads[0]
  if (!payload || payload.length <= 32) return undefined
  return { manifest: payload.toString('hex', 0, 32) as ManifestId, name: payload.toString('utf8', 32) }
}
