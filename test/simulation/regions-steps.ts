import assert from 'node:assert/strict'
import { ChunkCorrupt } from '#data-plane/chunks/chunk-store.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { bytesOf, type ChangedBytes, type ChangedExtent } from '#foundation/sparse-bytes.ts'
import type { Chances } from './chances.ts'
import { type Held, type Model, readOf, STORES } from './regions-model.ts'
import { imageOf } from './store-history.ts'
import type { Uploads } from './uploads.ts'

/** Images that have much in common, so that one name's garbage is another one's chunk. */
const images = Array.from({ length: 6 }, (_, i) =>
  Buffer.concat([imageOf(1 + (i % 3), 5), imageOf(50 + (i % 2), 4), imageOf(70 + i, 2)]),
)

interface Parts {
  readonly model: Model
  readonly uploads: Uploads
  readonly chances: Chances
  tell(what: string): void
  /** Nothing fails at the moment: what is answered is certain. */
  isFair(): boolean
}

type Step = () => Promise<unknown>

/** Steps of a history that run beside each other, each on something that no other one takes away meanwhile. */
export class Steps {
  readonly #parts: Parts
  readonly #regions: Regions
  readonly #taken = new Set<Held>()
  readonly #released = new Set<Held>()

  constructor(parts: Parts, regions: Regions) {
    this.#parts = parts
    this.#regions = regions
  }

  next(): Step {
    const { chances } = this.#parts
    const region = chances.pick(Object.keys(STORES))
    const kind = chances.next()
    if (kind < 0.2) return this.#ingest(region)
    if (kind < 0.3) return this.#upload(region)
    if (kind < 0.4) return this.#collect(region)
    if (kind < 0.43) return this.#scrub(region)
    if (kind < 0.55) return this.#release() ?? this.#ingest(region)
    const held = this.#some()
    if (!held?.manifest) return this.#ingest(region)
    if (kind < 0.75) return this.#copy(region, held)
    if (kind < 0.83) return this.#compose(held)
    if (kind < 0.91) return this.#change(held)
    return this.#read(held)
  }

  /** Something that is held, and stays so. */
  #some(): Held | undefined {
    const left = this.#parts.model.all().filter(held => !this.#released.has(held))
    const held = left.length > 0 ? this.#parts.chances.pick(left) : undefined
    if (held) this.#taken.add(held)
    return held
  }

  #ingest(region: string): Step {
    const { model, chances, tell } = this.#parts
    const image = chances.pick(images)
    tell(`ingest image ${images.indexOf(image)} in ${region}`)
    const call = async (name: string) => ({ ...(await this.#regions.ingest(region, bytesOf(image), name)), copies: 1 })
    return () => model.promise(region, image, call)
  }

  #upload(region: string): Step {
    const { uploads, chances } = this.#parts
    const base = chances.next() < 0.3 ? this.#some() : undefined
    return uploads.step(this.#regions, region, chances.pick(images), base)
  }

  /** While the root or a page of what is held can't be read, nothing is freed. */
  #collect(region: string): Step {
    const { model, tell } = this.#parts
    tell(`collect ${region}`)
    return async () => {
      try {
        await this.#regions.collect(region)
      } catch (error) {
        if (!(error instanceof ChunkCorrupt && model.isDamaged)) throw error
      }
    }
  }

  #scrub(region: string): Step {
    this.#parts.tell(`scrub ${region}`)
    return async () => {
      for (let i = 0; i < 3; i++) await this.#regions.scrub(region, 0, async () => {})
    }
  }

  #release(): Step | undefined {
    const { model, tell, isFair } = this.#parts
    const held = model.all().find(each => !this.#taken.has(each) && !this.#released.has(each))
    if (!held) return undefined
    this.#released.add(held)
    tell(`release ${held.name} of ${held.region}`)
    const wasFair = isFair()
    const isCertain = () => wasFair && isFair()
    return () => model.release(held, isCertain, () => this.#regions.release(held.region, held.name))
  }

  #copy(region: string, held: Held): Step {
    const { model, chances, tell } = this.#parts
    const wanted = 1 + chances.below(2)
    tell(`hold ${held.name} of ${held.region} in ${region}, ${wanted} copies`)
    const call = async (name: string) => {
      const { copies } = await this.#regions.hold(region, held.manifest!, name, wanted)
      assert.equal(copies, Math.min(wanted, STORES[region]!.length))
      return { manifest: held.manifest!, copies }
    }
    return () => model.derive(held, region, held.image, call)
  }

  #compose(held: Held): Step {
    const { model, chances, tell } = this.#parts
    const { region, name: from, manifest, image } = held
    const cut = chances.below(image.length)
    tell(`compose of ${from} in ${region}, cut at ${cut}`)
    const pieces = [
      { manifest: manifest!, offset: cut, length: image.length - cut },
      { manifest: manifest!, offset: 0, length: cut },
    ]
    const swapped = Buffer.concat([image.subarray(cut), image.subarray(0, cut)])
    const call = async (name: string) => ({ ...(await this.#regions.compose(region, pieces, name)), copies: 1 })
    return () => model.derive(held, region, swapped, call)
  }

  /** What a machine wrote onto an image. */
  #change(held: Held): Step {
    const { model, tell } = this.#parts
    const { region, name: from, manifest, image } = held
    const [changed, changes] = this.#changed(image)
    tell(`change of ${from} in ${region}: ${changes.map(({ kind, offset, length }) => `${kind} ${offset}+${length}`)}`)
    const change: ChangedBytes = {
      ...bytesOf(changed),
      async *changes() {
        yield* changes
      },
    }
    const call = async (name: string) => ({
      ...(await this.#regions.ingestChange(region, manifest!, change, name)),
      copies: 1,
    })
    return () => model.derive(held, region, changed, call)
  }

  #changed(image: Buffer): [Buffer, ChangedExtent[]] {
    const { chances } = this.#parts
    const changed = Buffer.from(image)
    const changes: ChangedExtent[] = []
    const other = chances.pick(images)
    for (let at = chances.below(image.length); at < image.length && changes.length < 3; at += chances.below(9000)) {
      const length = Math.min(1 + chances.below(5000), image.length - at)
      const kind = chances.next() < 0.7 ? 'data' : 'zero'
      if (kind === 'data') other.copy(changed, at, Math.min(at, other.length), at + length)
      else changed.fill(0, at, at + length)
      changes.push({ offset: at, length, kind })
      at += length
    }
    return [changed, changes]
  }

  #read(held: Held): Step {
    const { manifest, region } = held
    this.#parts.tell(`read ${held.name} of ${region}`)
    return async () => {
      const content = await readOf({ open: id => this.#regions.open(region, id) }, manifest!, held)
      assert.ok(content?.equals(held.image) ?? true, held.name)
    }
  }
}
