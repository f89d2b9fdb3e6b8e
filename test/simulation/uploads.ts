import assert from 'node:assert/strict'
import { ChunkCorrupt, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Chances } from './chances.ts'
import type { Held, Model } from './regions-model.ts'

/** An upload, and what it may consist of: one content if all calls were answered, else one for each way in which they may have ended. */
interface Upload {
  readonly region: string
  readonly id: string
  /** Undefined: it may not be there. */
  contents: readonly (Buffer | undefined)[]
  mayBeDamaged: boolean
}

/** What is to be known of an upload's store to look at it. */
export interface DraftStore {
  findDraft(
    id: string,
  ): Promise<{ sizeBytes: number; bytes(): { read(at: number, into: Buffer): Promise<void> } } | undefined>
}

/** With more than so many possible contents an upload is only thrown away. */
const MOST_CONTENTS = 4
const PAGE = 4096

/** Uploads that are made, written and sealed piece by piece, across crashes. */
export class Uploads {
  readonly #all = new Map<string, Upload>()
  readonly #busy = new Set<Upload>()
  readonly #model: Model
  readonly #chances: Chances
  readonly #tell: (what: string) => void

  constructor(model: Model, chances: Chances, tell: (what: string) => void) {
    this.#model = model
    this.#chances = chances
    this.#tell = tell
  }

  /** What was begun and not certainly discarded. */
  all(): Upload[] {
    return [...this.#all.values()]
  }

  decay(): void {
    for (const upload of this.#all.values()) upload.mayBeDamaged = true
  }

  /** One call on an upload; nobody else has it until that is answered. */
  step(regions: Regions, region: string, image: Buffer, base: Held | undefined): () => Promise<unknown> {
    const { next, below, pick } = this.#chances
    const idle = [...this.#all.values()].filter(upload => !this.#busy.has(upload))
    if (idle.length === 0 || next() < 0.3) return this.#begin(regions, region, image.length, base)
    const upload = pick(idle)
    this.#busy.add(upload)
    const kind = next()
    const [offset, length] = [below(image.length), 1 + below(3 * PAGE)]
    const isThere = !upload.contents.includes(undefined)
    const call = () => {
      if (!isThere || upload.contents.length > MOST_CONTENTS || kind > 0.9) return this.#discard(regions, upload)
      if (kind > 0.65 && upload.contents.length === 1) return this.#seal(regions, upload)
      if (kind > 0.55) return this.#resize(regions, upload, PAGE * below(14))
      if (kind > 0.45) return this.#write(regions, upload, undefined, offset, length)
      return this.#write(regions, upload, image, offset, length)
    }
    const work = call()
    return async () => {
      try {
        await work()
      } finally {
        this.#busy.delete(upload)
      }
    }
  }

  #begin(regions: Regions, region: string, sizeBytes: number, base: Held | undefined): () => Promise<unknown> {
    const id = this.#model.newName()
    const upload: Upload = { region, id, contents: [undefined], mayBeDamaged: false }
    const size = sizeBytes + (base ? this.#chances.below(2) * PAGE : 0)
    this.#tell(`upload ${id} to ${region}${base ? `, from ${base.name} of ${base.region}` : ''}`)
    this.#all.set(id, upload)
    this.#busy.add(upload)
    return async () => {
      try {
        await this.#change(
          upload,
          () => Buffer.alloc(size),
          () => regions.draft(region, id, size, true),
        )
        if (base?.manifest) await this.#beginAs(regions, upload, base.manifest, base)
      } finally {
        this.#busy.delete(upload)
      }
    }
  }

  async #beginAs(regions: Regions, upload: Upload, manifest: ManifestId, { image, mayBeDamaged }: Held): Promise<void> {
    const start = (content: Buffer) => {
      const started = Buffer.alloc(content.length)
      image.copy(started)
      return started
    }
    upload.mayBeDamaged ||= mayBeDamaged
    const before = upload.contents
    try {
      await this.#change(upload, start, async () => (await this.#draft(regions, upload)).begin(manifest))
    } catch (error) {
      // Another store of the region has it, or nobody any more; or it is damaged. Nothing was begun then.
      const isRefused = error instanceof ManifestMissing || (error instanceof ChunkCorrupt && mayBeDamaged)
      if (!isRefused) throw error
      upload.contents = before
    }
  }

  /** Without an image the range is cleared. */
  #write(regions: Regions, upload: Upload, image: Buffer | undefined, offset: number, length: number) {
    const bytes = image?.subarray(offset, offset + length)
    this.#tell(`${bytes ? 'write' : 'clear'} ${upload.id} at ${offset}, ${length} bytes`)
    const within = (content: Buffer) => Math.max(0, Math.min(bytes?.length ?? length, content.length - offset))
    const apply = (content: Buffer) => {
      const written = Buffer.from(content)
      const count = within(content)
      if (count > 0) written.fill(0, offset, offset + count)
      bytes?.copy(written, offset, 0, count)
      return written
    }
    return () =>
      this.#change(upload, apply, async () => {
        const draft = await this.#draft(regions, upload)
        const count = Math.max(0, Math.min(bytes?.length ?? length, draft.sizeBytes - offset))
        if (count === 0) return
        await (bytes ? draft.write(offset, bytes.subarray(0, count)) : draft.clear(offset, count))
      })
  }

  #resize(regions: Regions, upload: Upload, sizeBytes: number) {
    this.#tell(`resize ${upload.id} to ${sizeBytes}`)
    const apply = (content: Buffer) => Buffer.concat([content, Buffer.alloc(sizeBytes)]).subarray(0, sizeBytes)
    return () => this.#change(upload, apply, async () => (await this.#draft(regions, upload)).resize(sizeBytes))
  }

  #seal(regions: Regions, upload: Upload) {
    const [content] = upload.contents
    this.#tell(`seal ${upload.id}`)
    return async () => {
      if (!content) return
      const call = async (name: string) => {
        const { manifest } = await (await this.#draft(regions, upload)).seal(name)
        return { manifest, copies: 1 }
      }
      await this.#model.derive(upload, upload.region, content, call)
    }
  }

  #discard(regions: Regions, upload: Upload) {
    this.#tell(`discard ${upload.id}`)
    return async () => {
      upload.contents = unique([...upload.contents, undefined])
      const draft = await regions.findDraft(upload.region, upload.id)
      await draft?.discard()
      if (draft) this.#all.delete(upload.id)
    }
  }

  async #draft(regions: Regions, { region, id }: Upload) {
    const draft = await regions.findDraft(region, id)
    assert.ok(draft, `the upload ${id} is there`)
    return draft
  }

  /** Until the call is answered, either content is fine. */
  async #change(upload: Upload, apply: (content: Buffer) => Buffer, call: () => Promise<unknown>): Promise<void> {
    const changed = upload.contents.map(content => apply(content ?? Buffer.alloc(0)))
    upload.contents = unique([...upload.contents, ...changed])
    await call()
    upload.contents = unique(changed)
  }

  /** Looks at what a region's stores have after a crash. */
  async check(region: string, stores: readonly DraftStore[]): Promise<void> {
    for (const upload of this.all()) if (upload.region === region) await this.#check(upload, stores)
  }

  async #check(upload: Upload, stores: readonly DraftStore[]): Promise<void> {
    const { id, contents, mayBeDamaged } = upload
    const draft = await firstOf(stores, id)
    if (!draft) {
      assert.ok(contents.includes(undefined), `the upload ${id} is lost`)
      this.#all.delete(id)
      return
    }
    const content = Buffer.alloc(draft.sizeBytes)
    try {
      await draft.bytes().read(0, content)
    } catch (error) {
      if (mayBeDamaged && error instanceof ChunkCorrupt) return
      throw error
    }
    const isOne = contents.some(each => each?.equals(content))
    assert.ok(isOne, `the upload ${id} has none of the ${contents.length} contents that it may have`)
    upload.contents = [content]
  }
}

const firstOf = async (stores: readonly DraftStore[], id: string) => {
  for (const store of stores) {
    const draft = await store.findDraft(id)
    if (draft) return draft
  }
  return undefined
}

const unique = (contents: readonly (Buffer | undefined)[]): (Buffer | undefined)[] =>
  contents.filter(
    (content, i) => !contents.slice(0, i).some(each => (each && content ? each.equals(content) : each === content)),
  )
