import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { ScrubState } from './chunk-store.ts'
import { decodeIndexFile, recordsOf } from './pack-format.ts'
import { atWork, type StoreCore } from './store-core.ts'
import { Verification, verifyManifest } from './verify.ts'

/** Told how many bytes were read; whoever calls makes it wait as long as it likes. Throws to stop. */
export type Pace = (bytes: number) => Promise<void>

/** Chunks between two calls of `Pace`: some 4 MiB. */
const AT_ONCE = 64

/**
 * Reads all of a store again and again, a pack at a time and in the order of their numbers, and heals what it finds. How far it is lies
 * in `scrub.json`: a restart goes on there. What a collection moves gets a higher number, and its turn later in the same round.
 */
export class Scrub {
  readonly #files: Files
  readonly #file: string
  readonly #clock: Clock
  readonly #core: StoreCore
  #state: ScrubState | undefined

  constructor(files: Files, folder: string, clock: Clock, core: StoreCore) {
    this.#files = files
    this.#file = path.join(folder, 'scrub.json')
    this.#clock = clock
    this.#core = core
  }

  /** Undefined before the first round. */
  async state(): Promise<ScrubState | undefined> {
    this.#state ??= await readWhole(this.#files, this.#file).then(
      bytes => stateOf(bytes.toString('utf8')),
      () => undefined,
    )
    return this.#state
  }

  /** Does the next part of a round; false if nothing is due. A new round begins `intervalMs` after the last one began. */
  async step(intervalMs: number, pace: Pace): Promise<boolean> {
    const now = this.#clock.now()
    let state = await this.state()
    if (state?.finishedAt !== undefined && now.getTime() - Date.parse(state.startedAt) < intervalMs) return false
    if (!state || state.finishedAt !== undefined)
      state = { startedAt: now.toISOString(), afterPack: 0, bytes: 0, corrupt: 0, missing: 0, healed: 0 }
    const next = this.#nextPack(state.afterPack)
    const found = await (next ? this.#checkPack(next.name, next.number, pace) : this.#checkManifests(pace))
    const place = next ? { afterPack: next.number } : { finishedAt: this.#clock.now().toISOString() }
    await this.#save({
      ...state,
      ...place,
      bytes: state.bytes + found.bytes,
      corrupt: state.corrupt + found.corrupt.length,
      missing: state.missing + found.missing.length,
      healed: state.healed + found.healed.length,
    })
    return true
  }

  #nextPack(after: number): { number: number; name: string } | undefined {
    let next: { number: number; name: string } | undefined
    for (const pack of this.#core.packFiles.packs.values()) {
      if (pack.number <= after || pack.number > (next?.number ?? Infinity)) continue
      if (!this.#core.writer.isGrowing(pack.number)) next = pack
    }
    return next
  }

  async #checkPack(name: string, number: number, pace: Pace): Promise<Verification> {
    const { index, packFiles } = this.#core
    const bytes = await readWhole(this.#files, packFiles.indexPath(name)).catch(() => Buffer.alloc(0))
    const records = decodeIndexFile(bytes).tables.flatMap(table => recordsOf(table, number))
    return await atWork(this.#core, async work => {
      const run = new Verification(this.#core, { deep: true }, 0)
      for (let first = 0; first < records.length; first += AT_ONCE) {
        const before = run.bytes
        for (const { id } of records.slice(first, first + AT_ONCE)) {
          const entry = index.find(id)
          if (entry < 0 || index.packOf(entry) !== number) continue // superseded, or garbage by now
          work.lease.add(entry)
          await run.add(Uint8Array.from(id), 0)
        }
        await run.check()
        await pace(run.bytes - before)
      }
      return run
    })
  }

  /** At the end of a round: every root and page, and whether the chunks that they name are there at all. */
  async #checkManifests(pace: Pace): Promise<Verification> {
    return await atWork(this.#core, async () => {
      const run = new Verification(this.#core, { deep: true }, 0)
      for (const id of this.#core.manifests.ids()) {
        const before = run.bytes
        if (this.#core.manifests.has(id)) await verifyManifest(this.#core, id, run, 'lost chunks only')
        await run.check()
        await pace(run.bytes - before)
      }
      return run
    })
  }

  async #save(state: ScrubState): Promise<void> {
    this.#state = state
    await replaceFile(this.#files, this.#file, Buffer.from(`${JSON.stringify(state)}\n`))
  }
}

/** Anything but what was written begins a new round. */
const stateOf = (text: string): ScrubState | undefined => {
  try {
    const state = JSON.parse(text) as ScrubState
    const counts = [state.afterPack, state.bytes, state.corrupt, state.missing, state.healed]
    const isWhole = counts.every(count => Number.isSafeInteger(count)) && !Number.isNaN(Date.parse(state.startedAt))
    return isWhole ? state : undefined
  } catch {
    return undefined
  }
}
