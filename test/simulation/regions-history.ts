import assert from 'node:assert/strict'
import { ChunkCorrupt, ChunkMissing, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { CopyLimits } from '#data-plane/chunks/copy-limits.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { RegionFull, type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import type { Files, OpenFile } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk } from './crashing-files.ts'
import { fakeNetwork, goodWeather, type Weather } from './fake-network.ts'
import { type Held, Model, readOf, STORES } from './regions-model.ts'
import { imageOf } from './store-history.ts'

/** Images that have much in common, so that one name's garbage is another one's chunk. */
const images = Array.from({ length: 6 }, (_, i) =>
  Buffer.concat([imageOf(1 + (i % 3), 5), imageOf(50 + (i % 2), 4), imageOf(70 + i, 2)]),
)

/** A disk that fails for a while: its writes, or all of it. */
interface Fault {
  readonly folder: string
  readonly code: string
  readonly isDeaf: boolean
}

/** Pauses without waiting: nobody moves this clock. */
class HurriedClock extends FakeClock {
  override async sleep(): Promise<void> {}
}

/** One small life of some regions, everything in it by chance from the seed: the same seed gives the same history. */
export class RegionsHistory {
  readonly trace: string[] = []
  readonly #next: () => number
  readonly #seed: number
  readonly #disk: CrashingDisk
  readonly #model = new Model()
  readonly #weather: Weather = goodWeather()
  readonly #drafts: { region: string; id: string }[] = []
  readonly #clock = new HurriedClock()
  #fault: Fault | undefined
  #isFair = true
  /** Stores on a file system of their own: nothing can be linked into or out of them. */
  readonly #apart = new Set<string>()
  readonly #separateCopies: boolean
  readonly #copyLimits: CopyLimits

  constructor(seed: number) {
    this.#seed = seed
    const random = seededRandom(seed * 7919 + 17)
    for (let i = 0; i < 8; i++) random.next() // seeds that are near each other begin alike
    this.#next = random.next
    this.#disk = new CrashingDisk(random.next)
    this.#disk.mode = this.#next() < 0.3 ? 'kill' : 'power'
    this.#separateCopies = this.#next() < 0.2
    this.#copyLimits = {
      leastBytes: this.#pick([1, 30_000, 4 * 2 ** 20]),
      leastShare: this.#pick([0.01, 0.3, 0.75]),
      batchBytes: this.#pick([1, 12_000, 8 * 2 ** 20]),
    }
    for (const folder of Object.values(STORES).flat()) if (this.#next() < 0.2) this.#apart.add(folder)
  }

  async run(): Promise<void> {
    const lives = 1 + this.#below(3)
    for (let life = 1; life <= lives; life++) {
      if (life < lives) this.#disk.dieAt = this.#disk.calls + 30 + this.#below(700)
      await this.#live()
      this.trace.push(`the end of life ${life}, at call ${this.#disk.calls}`)
      this.#clear()
      this.#disk.reboot()
      await this.#model.check(this.#disk)
    }
    await this.#removeAll()
  }

  async #live(): Promise<void> {
    try {
      const regions = await this.#open()
      const groups = 2 + this.#below(4)
      for (let group = 0; group < groups && !this.#disk.isDead; group++) {
        this.#change()
        await this.#together(regions)
        this.#clear()
        if (this.#next() < 0.15 && !this.#disk.isDead) await this.#decay(regions)
      }
      if (this.#next() < 0.5) await regions.close()
      else this.#disk.die()
    } catch (error) {
      if (!this.#disk.isDead) throw error
    }
  }

  #open(): Promise<Regions> {
    const stores = Object.entries(STORES).map(([name, folders]) => ({
      name,
      stores: folders.map(at => `file://${at}`),
    }))
    return openRegions(stores, {
      files: this.#faulty(this.#disk.files()),
      random: seededRandom(this.#seed + 1_000_000 * this.#disk.calls + 5),
      clock: this.#clock,
      log: silentLog,
      workers: hashInThread(),
      separateCopies: this.#separateCopies,
      copyLimits: this.#copyLimits,
      network: fakeNetwork(this.#weather, this.#next),
    })
  }

  #below(count: number): number {
    return Math.floor(this.#next() * count)
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!
  }

  /** In every other group all is well; in the others the network, a disk or both are not. */
  #change(): void {
    const chance = this.#next()
    if (chance < 0.5) return
    this.#isFair = false
    if (chance < 0.8) {
      const bad = () => (this.#next() < 0.4 ? this.#next() * 0.2 : 0)
      Object.assign(this.#weather, { breaks: bad(), loses: bad(), twists: bad(), doubles: bad(), swaps: bad() })
      if (this.#next() < 0.2) this.#weather.away.add(this.#pick(Object.keys(STORES)))
    }
    if (chance > 0.7) {
      const folder = this.#pick(Object.values(STORES).flat())
      this.#fault = { folder, code: this.#pick(['ENOSPC', 'EIO', 'EROFS']), isDeaf: this.#next() < 0.3 }
    }
    this.trace.push(`weather ${JSON.stringify({ ...this.#weather, away: [...this.#weather.away] })}`)
    this.trace.push(`fault ${JSON.stringify(this.#fault ?? null)}`)
  }

  #clear(): void {
    this.#fault = undefined
    this.#isFair = true
    this.#weather.away.clear()
    Object.assign(this.#weather, { ...goodWeather(), away: this.#weather.away })
  }

  /** The disk with its faults; each call takes a few turns, so that what runs at one time meets in many ways. */
  #faulty(files: Files): Files {
    const at = async (file: string, changes: boolean) => {
      for (let turns = this.#below(4); turns > 0; turns--) await undefined
      const fault = this.#fault
      if (!fault || !file.startsWith(fault.folder) || !(changes || fault.isDeaf)) return
      if (this.#next() < 0.5) throw Object.assign(new Error(fault.code), { code: fault.isDeaf ? 'EIO' : fault.code })
    }
    const faultyFile = (file: string, open: OpenFile): OpenFile => ({
      ...open,
      read: async (target, position) => at(file, false).then(() => open.read(target, position)),
      write: async (bytes, position) => {
        await at(file, true)
        return open.write(bytes, position)
      },
      sync: async () => at(file, true).then(() => open.sync()),
    })
    return {
      ...files,
      open: async (file, mode) => {
        await at(file, mode === 'create')
        return faultyFile(file, await files.open(file, mode))
      },
      rename: async (from, to) => at(from, true).then(() => files.rename(from, to)),
      link: async (file, name) => {
        await at(name, true)
        for (const folder of this.#apart)
          if (file.startsWith(folder) !== name.startsWith(folder))
            throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' })
        await files.link(file, name)
        this.trace.push(`  linked ${file} as ${name}`)
      },
      remove: async file => at(file, true).then(() => files.remove(file)),
      syncDirectory: async folder => at(folder, true).then(() => files.syncDirectory(folder)),
    }
  }

  /** One to three steps beside each other. */
  async #together(regions: Regions): Promise<void> {
    const count = 1 + this.#below(3)
    const taken = new Set<Held>()
    const released = new Set<Held>()
    const some = (): Held | undefined => {
      const left = this.#model.all().filter(held => !released.has(held))
      const held = left.length > 0 ? this.#pick(left) : undefined
      if (held) taken.add(held)
      return held
    }
    const steps = Array.from({ length: count }, () => this.#step(regions, some, taken, released))
    const outcomes = await Promise.allSettled(steps.map(step => step()))
    if (this.#disk.isDead) return
    for (const outcome of outcomes) if (outcome.status === 'rejected') this.#requireFact(outcome.reason)
  }

  #step(regions: Regions, some: () => Held | undefined, taken: Set<Held>, released: Set<Held>): () => Promise<unknown> {
    const region = this.#pick(Object.keys(STORES))
    const kind = this.#next()
    const tell = (what: string) => this.trace.push(what)
    if (kind < 0.25) return this.#ingest(regions, region, tell)
    if (kind < 0.35) return this.#upload(regions, region, tell)
    if (kind < 0.45) {
      tell(`collect ${region}`)
      return () => this.#collect(regions, region)
    }
    if (kind < 0.6) {
      const held = this.#model.all().find(each => !taken.has(each) && !released.has(each))
      if (!held) return this.#ingest(regions, region, tell)
      released.add(held)
      tell(`release ${held.name} of ${held.region}`)
      const isFair = this.#isFair
      return () =>
        this.#model.release(
          held,
          () => isFair && !this.#disk.isDead,
          () => regions.release(held.region, held.name),
        )
    }
    const held = some()
    if (!held?.manifest) return this.#ingest(regions, region, tell)
    if (kind < 0.8) return this.#copy(regions, region, held, tell)
    if (kind < 0.9) return this.#compose(regions, held, tell)
    tell(`read ${held.name} of ${held.region}`)
    const { manifest, region: at } = held
    return async () => {
      const content = await readOf({ open: id => regions.open(at, id) }, manifest, held)
      assert.ok(content?.equals(held.image) ?? true, held.name)
    }
  }

  /** While the root or a page of what is held can't be read, nothing is freed. */
  async #collect(regions: Regions, region: string): Promise<void> {
    try {
      await regions.collect(region)
    } catch (error) {
      if (!(error instanceof ChunkCorrupt && this.#model.isDamaged)) throw error
    }
  }

  #ingest(regions: Regions, region: string, tell: (what: string) => void): () => Promise<unknown> {
    const image = this.#pick(images)
    tell(`ingest image ${images.indexOf(image)} in ${region}`)
    const call = async (name: string) => ({ ...(await regions.ingest(region, bytesOf(image), name)), copies: 1 })
    return () => this.#model.promise(region, image, call)
  }

  #copy(regions: Regions, region: string, held: Held, tell: (what: string) => void): () => Promise<unknown> {
    const wanted = 1 + this.#below(2)
    tell(`hold ${held.name} of ${held.region} in ${region}, ${wanted} copies`)
    const call = async (name: string) => {
      const { copies } = await regions.hold(region, held.manifest!, name, wanted)
      assert.equal(copies, Math.min(wanted, STORES[region]!.length))
      return { manifest: held.manifest!, copies }
    }
    return () => this.#derive(held, region, held.image, call)
  }

  /** What is made of something damaged may be damaged as well, or refused for that. */
  async #derive(
    from: Held,
    region: string,
    image: Buffer,
    call: (name: string) => Promise<{ manifest: ManifestId; copies: number }>,
  ): Promise<void> {
    try {
      await this.#model.promise(region, image, call, from.mayBeDamaged)
    } catch (error) {
      if (!(from.mayBeDamaged && error instanceof ChunkCorrupt)) throw error
    }
  }

  #compose(regions: Regions, held: Held, tell: (what: string) => void) {
    const { region, name: from, manifest, image } = held
    const cut = this.#below(image.length)
    tell(`compose of ${from} in ${region}, cut at ${cut}`)
    const pieces = [
      { manifest: manifest!, offset: cut, length: image.length - cut },
      { manifest: manifest!, offset: 0, length: cut },
    ]
    const swapped = Buffer.concat([image.subarray(cut), image.subarray(0, cut)])
    const call = async (name: string) => ({ ...(await regions.compose(region, pieces, name)), copies: 1 })
    return () => this.#derive(held, region, swapped, call)
  }

  #upload(regions: Regions, region: string, tell: (what: string) => void): () => Promise<unknown> {
    const image = this.#pick(images)
    const half = this.#below(image.length)
    const id = this.#model.newName()
    this.#drafts.push({ region, id })
    tell(`upload image ${images.indexOf(image)} to ${region}, cut at ${half}`)
    return () =>
      this.#model.promise(region, image, async name => {
        const draft = await regions.draft(region, id, image.length)
        await Promise.all([draft.write(half, image.subarray(half)), draft.write(0, image.subarray(0, half))])
        const { manifest } = await draft.seal(name)
        await draft.discard()
        return { manifest, copies: 1 }
      })
  }

  /** Where something is broken, calls fail, but only with a fact; where all is well they don't fail. */
  #requireFact(error: unknown): void {
    const { code } = error as NodeJS.ErrnoException
    const isFact =
      error instanceof RegionUnreachable ||
      error instanceof RegionFull ||
      error instanceof ChunkMissing ||
      error instanceof ChunkCorrupt ||
      error instanceof ManifestMissing ||
      ['ENOSPC', 'EIO', 'EROFS'].includes(code ?? '')
    if (this.#isFair || !isFact) throw error
    this.trace.push(`  failed: ${error}`)
  }

  /**
   * A bit of a pack or of a manifest's root changes by itself, in all regions that have the file. Each is healed from one that has another. What nobody has is
   * nobody's fault, but it is known as damaged from then on.
   */
  async #decay(regions: Regions): Promise<void> {
    const region = this.#pick(Object.keys(STORES))
    const folder = this.#pick(STORES[region]!)
    const kind = this.#next() < 0.7 ? 'packs' : 'manifests'
    const stored = [...this.#disk.everything()].filter(
      ([file, size]) => file.startsWith(`${folder}/${kind}/`) && size > 16,
    )
    if (stored.length === 0) return
    const [file, sizeBytes] = this.#pick(stored)
    const at = 16 + this.#below(sizeBytes - 16)
    const inFile = (change: (byte: number) => number) =>
      this.#disk.decay(file, content => {
        if (at < content.length) content[at] = change(content[at]!)
        return content
      })
    let before = 0
    this.trace.push(`decay of ${file} at ${at}`)
    inFile(byte => {
      before = byte
      return byte ^ 4
    })
    const mend = () => inFile(() => before)
    const stays = this.#next() < 0.5
    let lost = false
    for (const each of [region, ...Object.keys(STORES)]) {
      const { corrupt, missing, healed } = await regions.verify(each).catch(error => {
        mend() // the process died, perhaps before a good copy was kept
        throw error
      })
      if (this.#disk.isDead) return mend()
      this.trace.push(`  ${each}: ${corrupt.length} corrupt, ${healed.length} healed`)
      assert.deepEqual(missing, [], 'decay loses no chunk')
      lost ||= corrupt.length > healed.length
    }
    if (!lost) return
    this.trace.push(stays ? '  it stays damaged' : '  it is good again')
    if (stays) this.#model.decay()
    else mend()
  }

  /** When nothing is held any more nothing is left. */
  async #removeAll(): Promise<void> {
    this.#clock.advance(30 * 24 * 3600 * 1000) // for transfers that were cut off nobody waits so long
    const regions = await this.#open()
    for (const region of regions.names) {
      for await (const { name } of regions.holds(region)) await regions.release(region, name)
      for (const draft of this.#drafts.filter(each => each.region === region))
        while (await this.#discard(regions, draft)) this.trace.push(`discarded ${draft.id}`)
      await regions.collect(region)
      for (const { chunks, packs, manifests } of await regions.stats(region))
        assert.deepEqual({ chunks, packs, manifests }, { chunks: 0, packs: 0, manifests: 0 }, `left in ${region}`)
    }
    await regions.close()
  }

  async #discard(regions: Regions, { region, id }: { region: string; id: string }): Promise<boolean> {
    const draft = await regions.findDraft(region, id)
    await draft?.discard()
    return draft !== undefined
  }
}
