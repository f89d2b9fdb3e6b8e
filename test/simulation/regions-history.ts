import assert from 'node:assert/strict'
import { ChunkCorrupt, ChunkMissing, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { CopyLimits } from '#data-plane/chunks/copy-limits.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { RegionFull, type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { FakeClock } from '#foundation/clock.ts'
import type { Files, OpenFile } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom } from '#foundation/random.ts'
import { type Chances, chancesOf } from './chances.ts'
import { CrashingDisk } from './crashing-files.ts'
import { fakeNetwork, goodWeather, type Weather } from './fake-network.ts'
import { Model, STORES } from './regions-model.ts'
import { Steps } from './regions-steps.ts'
import { Uploads } from './uploads.ts'

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
  readonly #tell = (what: string): void => void this.trace.push(what)
  readonly #chances: Chances
  readonly #seed: number
  readonly #disk: CrashingDisk
  readonly #model = new Model()
  readonly #uploads: Uploads
  readonly #weather: Weather = goodWeather()
  readonly #clock = new HurriedClock()
  #fault: Fault | undefined
  #isFair = true
  /** Stores on a file system of their own: nothing can be linked into or out of them. */
  readonly #apart = new Set<string>()
  readonly #separateCopies: boolean
  readonly #copyLimits: CopyLimits

  constructor(seed: number) {
    this.#seed = seed
    this.#chances = chancesOf(seed)
    const { next, pick } = this.#chances
    this.#uploads = new Uploads(this.#model, this.#chances, this.#tell)
    this.#disk = new CrashingDisk(next)
    this.#disk.mode = next() < 0.3 ? 'kill' : 'power'
    this.#separateCopies = next() < 0.2
    this.#copyLimits = {
      leastBytes: pick([1, 30_000, 4 * 2 ** 20]),
      leastShare: pick([0.01, 0.3, 0.75]),
      batchBytes: pick([1, 12_000, 8 * 2 ** 20]),
    }
    for (const folder of Object.values(STORES).flat()) if (next() < 0.2) this.#apart.add(folder)
  }

  async run(): Promise<void> {
    const lives = 1 + this.#chances.below(3)
    for (let life = 1; life <= lives; life++) {
      if (life < lives) this.#disk.dieAt = this.#disk.calls + 30 + this.#chances.below(700)
      await this.#live()
      this.trace.push(`the end of life ${life}, at call ${this.#disk.calls}`)
      this.#clear()
      this.#disk.reboot()
      await this.#model.check(this.#disk, (region, stores) => this.#uploads.check(region, stores))
    }
    await this.#removeAll()
  }

  async #live(): Promise<void> {
    try {
      const regions = await this.#open()
      const groups = 2 + this.#chances.below(4)
      for (let group = 0; group < groups && !this.#disk.isDead; group++) {
        this.#change()
        await this.#together(regions)
        this.#clear()
        if (this.#chances.next() < 0.15 && !this.#disk.isDead) await this.#decay(regions)
      }
      if (this.#chances.next() < 0.5) await regions.close()
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
      network: fakeNetwork(this.#weather, this.#chances.next),
    })
  }

  /** In every other group all is well; in the others the network, a disk or both are not. */
  #change(): void {
    const chance = this.#chances.next()
    if (chance < 0.5) return
    this.#isFair = false
    if (chance < 0.8) {
      const bad = () => (this.#chances.next() < 0.4 ? this.#chances.next() * 0.2 : 0)
      Object.assign(this.#weather, { breaks: bad(), loses: bad(), twists: bad(), doubles: bad(), swaps: bad() })
      if (this.#chances.next() < 0.2) this.#weather.away.add(this.#chances.pick(Object.keys(STORES)))
    }
    if (chance > 0.7) {
      const folder = this.#chances.pick(Object.values(STORES).flat())
      this.#fault = { folder, code: this.#chances.pick(['ENOSPC', 'EIO', 'EROFS']), isDeaf: this.#chances.next() < 0.3 }
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
      for (let turns = this.#chances.below(4); turns > 0; turns--) await undefined
      const fault = this.#fault
      if (!fault || !file.startsWith(fault.folder) || !(changes || fault.isDeaf)) return
      if (this.#chances.next() < 0.5)
        throw Object.assign(new Error(fault.code), { code: fault.isDeaf ? 'EIO' : fault.code })
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
    const steps = new Steps(
      {
        model: this.#model,
        uploads: this.#uploads,
        chances: this.#chances,
        tell: this.#tell,
        isFair: () => this.#isFair && !this.#disk.isDead,
      },
      regions,
    )
    const some = Array.from({ length: 1 + this.#chances.below(3) }, () => steps.next())
    const outcomes = await Promise.allSettled(some.map(step => step()))
    if (this.#disk.isDead) return
    for (const outcome of outcomes) if (outcome.status === 'rejected') this.#requireFact(outcome.reason)
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
    const region = this.#chances.pick(Object.keys(STORES))
    const folder = this.#chances.pick(STORES[region]!)
    const kind = this.#chances.next() < 0.7 ? 'packs' : 'manifests'
    const stored = [...this.#disk.everything()].filter(
      ([file, size]) => file.startsWith(`${folder}/${kind}/`) && size > 16,
    )
    if (stored.length === 0) return
    const [file, sizeBytes] = this.#chances.pick(stored)
    const at = 16 + this.#chances.below(sizeBytes - 16)
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
    const stays = this.#chances.next() < 0.5
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
    if (!stays) return mend()
    this.#model.decay()
    this.#uploads.decay()
  }

  /** When nothing is held any more nothing is left. */
  async #removeAll(): Promise<void> {
    this.#clock.advance(30 * 24 * 3600 * 1000) // for transfers that were cut off nobody waits so long
    const regions = await this.#open()
    for (const region of regions.names) {
      for await (const { name } of regions.holds(region)) await regions.release(region, name)
      for (const draft of this.#uploads.all().filter(each => each.region === region))
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
