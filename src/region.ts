import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import type { Heal } from '#data-plane/chunks/chunk-store.ts'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import type { NodeJoin } from '#data-plane/nodes/join.ts'
import { startRegionServer } from '#data-plane/nodes/region-server.ts'
import { healFromCaller } from '#data-plane/nodes/serve-connection.ts'
import { healFromReplicas } from '#data-plane/replication/heal-from-replicas.ts'
import { adoptEmptyStore, openKnownStores } from '#data-plane/replication/known-stores.ts'
import { noDistance } from '#data-plane/replication/network.ts'
import { type StoreSlot, storeSlot } from '#data-plane/replication/store-slot.ts'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { lockFolder } from '#foundation/lock-file.ts'
import type { Log } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'

export interface RegionConfig {
  readonly dataFolder: string
  readonly join: NodeJoin
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Folders of stores by name, on different disks; by default one, `main`, in the data folder. */
  readonly stores?: ReadonlyMap<string, string>
  /** What each store keeps free on its disk: see `StoreParts`. */
  readonly reserveBytes?: number
  /** Names of stores whose disk is really new: an empty folder there is taken, once, where it would be told as a lost disk. */
  readonly adoptEmptyStores?: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly silenceLimitMs?: number
}

export interface RunningRegion {
  readonly region: string
  readonly port: number
  readonly stores: readonly string[]
  stop(): Promise<void>
}

/**
 * A region on its own: the stores of a data folder, served to the gallery that it joined and to readers. It knows no resource and no
 * control plane. Throws `FolderLocked` when another process has the folder.
 */
export const startRegion = async (config: RegionConfig): Promise<RunningRegion> => {
  const { dataFolder, join, clock, log, reserveBytes, adoptEmptyStores = [] } = config
  collectRarely()
  const undo: (() => unknown)[] = [lockFolder(dataFolder)]
  const stop = async () => {
    for (const close of undo.splice(0).reverse()) await close()
  }
  try {
    const workers = startHashWorkers()
    undo.push(() => workers.close())
    const slots = new Map<string, StoreSlot>()
    const fromSiblings = healFromReplicas(() => [...slots.values()], noDistance, log)
    const known = await openKnownStores(nodeFiles, path.join(dataFolder, 'stores.json'))
    for (const [name, folder] of config.stores ?? new Map([['main', path.join(dataFolder, 'main')]])) {
      const url = pathToFileURL(path.resolve(folder)).href
      const near = fromSiblings(join.region, url)
      const heal: Heal = async id => (await near(id)) ?? (await healFromCaller(id))
      const parts = { files: nodeFiles, random: systemRandom, clock, workers, heal, reserveBytes }
      if (adoptEmptyStores.includes(name) && (await adoptEmptyStore(known, nodeFiles, url)))
        log.warn('An empty folder becomes a new store.', { store: url })
      const open = (opened: string, expectedId: string | undefined) => openStore(opened, { ...parts, expectedId })
      const slot = storeSlot(join.region, url, { files: nodeFiles, clock, known, open })
      slots.set(name, slot)
      undo.push(() => slot.close())
      await slot
        .run(async () => {})
        .catch(error => log.error('A store is not usable.', { store: url, error: error.cause ?? error }))
    }
    const server = await startRegionServer({ ...config, stores: slots })
    undo.push(() => server.close())
    return { region: join.region, port: server.port, stores: [...slots.keys()], stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * V8 collects garbage whenever some 20 MiB of memory outside of its heap were asked for, and what an image comes in is such memory: a tenth of
 * the processor time of receiving one went into looking through the same small heap again and again. From now on that memory counts like the
 * heap's own: half as many collections, and 20 MiB more of memory. Measured with V8 13 alone.
 */
const collectRarely = (): void => {
  if (process.versions.v8.startsWith('13.')) setFlagsFromString('--external-memory-accounted-in-global-limit')
}
