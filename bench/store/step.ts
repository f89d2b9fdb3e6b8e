import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ChunkStore, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { storeBuffers } from '#data-plane/chunks/store-buffers.ts'
import { openOverlay } from '#data-plane/disks/open-disk.ts'
import { openRawFile, writeRawFile } from '#data-plane/disks/raw-file.ts'
import type { NodeAccess } from '#data-plane/nodes/join.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { secondsOf } from '../measure.ts'
import { peakMiB } from './peak-memory.ts'

// One step of the data plane in a process of its own: `node step.ts STEP ARGUMENT...`. It prints what the step found, the seconds that it
// took once the process had started, those of all processors together, the bytes that it read and wrote by system calls, and the most
// memory that the process held.

const workers = startHashWorkers()
const parts = {
  files: nodeFiles,
  random: systemRandom,
  clock: systemClock,
  log: silentLog,
  workers,
  buffers: storeBuffers(workers), // as the stores of a server have them in common
}

const withStore = async <T>(folder: string, work: (store: ChunkStore) => Promise<T>): Promise<T> => {
  const store = await openStore(folder, parts)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const heldBy = async (store: ChunkStore, hold: string): Promise<ManifestId> => {
  const manifest = await store.held(hold)
  if (!manifest) throw new Error(`Nothing is held as ${hold}.`)
  return manifest
}

const ingestFile = async (store: ChunkStore, image: string, hold: string) => {
  const source = await openRawFile(image)
  const { manifest, newBytes, storedBytes, dataBytes } = await store.ingest(source, hold)
  await source.close()
  return { manifest, newBytes, storedBytes, dataBytes }
}

const warmBytes = 32 * 2 ** 20

/** Has a store in a folder of its own take in a little: a server that runs has its code compiled. The clock starts afterwards. */
const warmed = async <T>(folder: string, work: (store: string, hold: string) => Promise<T>): Promise<T> => {
  const image = `${folder}.warm.raw`
  const store = `${folder}.warm`
  const half = randomBytes(2048)
  const pages = Array.from({ length: warmBytes / 4096 }, (_, i) => Buffer.concat([half.fill(`${i} `, 0, 64), half]))
  fs.writeFileSync(image, Buffer.concat(pages))
  await withStore(store, opened => ingestFile(opened, image, 'warm'))
  const found = await work(store, 'warm')
  fs.rmSync(image)
  fs.rmSync(store, { recursive: true })
  startClock()
  return found
}

const publish = async (folder: string, image: string, hold: string) => {
  await warmed(folder, async () => {})
  return await withStore(folder, async store => {
    const { newBytes, storedBytes, dataBytes } = await ingestFile(store, image, hold)
    return { newBytes, storedBytes, dataBytes }
  })
}

/** What an overlay has changed of the version that is held as `base`. */
const captureInto = async (store: ChunkStore, overlay: string, base: string, hold: string) => {
  const change = await openOverlay(overlay, {})
  if (!change) throw new Error(`${overlay} is no overlay.`)
  const { newBytes, storedBytes } = await store.ingestChange(await heldBy(store, base), change, hold)
  await change.close()
  return { newBytes, storedBytes }
}

/**
 * Into copies of a store, one after the other: the first capture of a process opens the store and starts the threads; the last one
 * finds its store open and its code compiled, as in a server that runs.
 */
const capture = async (overlay: string, base: string, hold: string, ...folders: string[]) => {
  const [first = '', ...others] = folders
  const cold = await timed(() => withStore(first, store => captureInto(store, overlay, base, hold)))
  let later = cold
  for (const folder of others)
    later = await withStore(folder, store => timed(() => captureInto(store, overlay, base, hold)))
  return { ...later.found, firstSeconds: cold.seconds, laterSeconds: later.seconds }
}

const timed = async <T>(work: () => Promise<T>): Promise<{ found: T; seconds: number }> => {
  const started = performance.now()
  return { found: await work(), seconds: (performance.now() - started) / 1000 }
}

/** Without a flush at the end: no peer does one. */
const restore = (folder: string, hold: string, file: string) =>
  withStore(folder, async store => {
    const bytes = await store.open(await heldBy(store, hold))
    await writeRawFile(bytes, file, { flushes: false })
    await bytes.close()
    return {}
  })

/** `deep` decodes all as well. */
const verify = (folder: string, depth?: 'deep') =>
  withStore(folder, async store => {
    const { chunks, bytes, corrupt, missing } = await store.verify(undefined, { deep: depth === 'deep' })
    if (corrupt.length + missing.length > 0) throw new Error('The store is damaged.')
    return { chunks, bytes }
  })

/** Opens the store and closes it. */
const open = (folder: string) => withStore(folder, store => store.stats())

/** Gives up holds and frees what they kept, as a server does that has collected before: the first collection is told apart. */
const collect = (folder: string, ...holds: string[]) =>
  withStore(folder, async store => {
    const firstSeconds = await secondsOf(() => store.collect())
    for (const hold of holds) await store.release(hold)
    const before = ioBytes()
    let freedBytes = 0
    const collectSeconds = await secondsOf(async () => {
      freedBytes = (await store.collect()).freedBytes
    })
    return { firstSeconds, collectSeconds, freedBytes, touchedBytes: ioBytes() - before }
  })

const regionNames = ['eastus', 'westus', 'westeurope', 'northeurope', 'uksouth']

/** Publishes to so many regions of this machine; all of them hold every byte when it ends. */
const regions = async (folder: string, count: string, image: string) => {
  const names = regionNames.slice(0, Number(count))
  const [first = ''] = names
  fs.mkdirSync(folder, { recursive: true })
  const config = names.map(name => ({ name, stores: [pathToFileURL(path.join(folder, name)).href] }))
  const opened = await openRegions(config, parts)
  const source = await openRawFile(image)
  const { manifest, storedBytes } = await opened.ingest(first, source, 'bench')
  const held = await Promise.all(names.slice(1).map(name => opened.hold(name, manifest, 'bench', 1)))
  await source.close()
  await opened.close()
  if (held.some(({ copies }) => copies !== 1)) throw new Error('A region holds nothing.')
  return { storedBytes }
}

/** Gives a version to a region on its own, whose every byte is durable and checked there when it ends; a little of something else before. */
const replicate = async (folder: string, hold: string, port: string, accessFile: string, isWarmed?: 'warmed') => {
  const access = JSON.parse(fs.readFileSync(accessFile, 'utf8')) as NodeAccess
  const send = async (store: string, name: string) => {
    const config = [
      { name: 'eastus', stores: [pathToFileURL(store).href] },
      { name: access.region, stores: [`https://127.0.0.1:${port}/main`] },
    ]
    const opened = await openRegions(config, { ...parts, accessOf: async () => access })
    let manifest: ManifestId | undefined
    for await (const held of opened.holds('eastus')) if (held.name === name) manifest = held.manifest
    if (!manifest) throw new Error(`Nothing is held as ${name}.`)
    const { copies, newBytes, sentBytes } = await opened.hold(access.region, manifest, name, 1)
    await opened.close()
    if (copies !== 1) throw new Error('The region holds nothing.')
    return { newBytes, sentBytes }
  }
  const before = isWarmed && (await warmed(folder, send))
  return { ...(await send(folder, hold)), warmBytes: before?.sentBytes ?? 0 }
}

/** Bytes that went through read and write calls so far, whether from a disk or from memory. */
const ioBytes = (): number => {
  const told = fs.readFileSync('/proc/self/io', 'latin1')
  return Number(/rchar: (\d+)/.exec(told)?.[1]) + Number(/wchar: (\d+)/.exec(told)?.[1])
}

const steps: Readonly<Record<string, (...args: string[]) => Promise<object>>> = {
  publish: publish as never,
  capture: capture as never,
  restore: restore as never,
  verify: verify as never,
  open: open as never,
  collect: collect as never,
  regions: regions as never,
  replicate: replicate as never,
}

const [name = '', ...args] = process.argv.slice(2)
const step = steps[name]
if (!step) throw new Error(`No step: ${name}`)

let [before, usedBefore, started] = [ioBytes(), process.cpuUsage(), performance.now()]
/** What came before does not count. */
function startClock(): void {
  ;[before, usedBefore, started] = [ioBytes(), process.cpuUsage(), performance.now()]
}

const found = await step(...args)
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(usedBefore)
const cpuSeconds = (user + system) / 1e6
const movedBytes = ioBytes() - before
await workers.close()
console.log(JSON.stringify({ ...found, seconds, cpuSeconds, movedBytes, peakMiB: peakMiB() }))
