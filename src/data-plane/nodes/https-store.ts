import {
  ChunkCorrupt,
  type ChunkId,
  type ChunkSource,
  type ChunkStore,
  type CollectionPlan,
  type Draft,
  type Heal,
  type Hold,
  type Ingested,
  type ManifestId,
  type Repairs,
  type ScrubState,
  type StoreRoom,
  type StoreStats,
  type VerifyReport,
  type Watch,
} from '#data-plane/chunks/chunk-store.ts'
import { bytesOfLayout, manifestLayout } from '#data-plane/chunks/layout.ts'
import { decodeRoot, MAX_ROOT_BYTES, manifestIdOf } from '#data-plane/chunks/manifest.ts'
import { chunksIn, inBatches, storedOf } from '#data-plane/chunks/stored-batches.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { type Answers, Caller, type CallerParts, type CallOptions } from './caller.ts'
import type { NodeAccess } from './join.ts'
import { listed, RemoteDraft } from './remote-draft.ts'
import { streamed } from './streamed.ts'
import { decodeBatch, decodeIds, encodeBatches, encodeIds, MOST_IDS } from './travelling-chunks.ts'
import { listParts } from './travelling-lists.ts'
import { RemoteChunks } from './verified-bytes.ts'
import { MAX_BODY_BYTES, WireBroken } from './wire.ts'

export interface HttpsStoreParts extends CallerParts {
  readonly heal?: Heal
}

/**
 * Opens the store behind `https://host:port/NAME`, in a region's own process, whenever it is called: it may be down today. What is
 * learnt of a dead host serves the next attempt. Rejects with `NodeUnreachable` when nobody is there, with `StoreMissing` where another
 * store is than the one that is expected.
 */
export const httpsStore = (url: string, access: () => Promise<NodeAccess>, parts: HttpsStoreParts) => {
  const caller = new Caller(url, access, parts)
  const answers = healing(parts.heal ?? (async () => undefined))
  const call: CallStore = <T>(name: string, details: object = {}, options: CallOptions = {}) =>
    caller.call(name, details, { ...options, answers: { ...answers, ...options.answers } }) as Promise<T>
  return async (expectedId?: string): Promise<ChunkStore> => {
    try {
      const id = await caller.greet(expectedId)
      return storeOf(id, call, () => caller.close())
    } catch (error) {
      caller.disconnect()
      throw error
    }
  }
}

type CallStore = <T>(name: string, details?: object, options?: CallOptions) => Promise<T>

const storeOf = (id: string, call: CallStore, close: () => void): ChunkStore => {
  const source: ChunkSource = {
    manifestRoot: manifest => rootOf(call, manifest),
    async *chunks(ids) {
      for await (const batch of batchesOf(call, ids, 'chunks')) yield* chunksIn(batch)
    },
    stored: ids => batchesOf(call, ids, 'stored'),
  }
  const remote = new RemoteChunks(source)
  return {
    id,
    ...source,
    ingest: (bytes, hold, watch) =>
      call<Ingested>('ingest', { sizeBytes: bytes.sizeBytes, hold }, { ...watched(watch), answers: giving(bytes) }),
    ingestChange: (manifest, change, hold, watch) =>
      call<Ingested>(
        'ingestChange',
        { manifest, sizeBytes: change.sizeBytes, hold },
        { ...watched(watch), answers: { changes: () => listParts(change.changes()), bytes: reading(change) } },
      ),
    compose: (pieces, hold) =>
      call<Ingested>('compose', { hold }, { answers: { pieces: () => listParts(each(pieces)) } }),
    receive: (manifest, from, hold, watch) =>
      call<Ingested>('receive', { manifest, hold }, { ...watched(watch), answers: offering(manifest, from) }),
    open: manifest => open(call, source, remote, manifest),
    describe: manifest => call('describe', { manifest }),
    hold: async (hold, manifest) => void (await call('hold', { hold, manifest })),
    release: async hold => void (await call('release', { hold })),
    held: async hold => (await call<ManifestId | null>('held', { hold })) ?? undefined,
    holds: () => listed<Hold>(call, 'holds'),
    draft: async (draft, sizeBytes) => new RemoteDraft(call, draft, await call('draft', { draft, sizeBytes })),
    findDraft: async draft => {
      const state = await call<Pick<Draft, 'sizeBytes' | 'written'> | null>('findDraft', { draft })
      return state ? new RemoteDraft(call, draft, state) : undefined
    },
    planCollection: () => call<CollectionPlan>('planCollection'),
    collect: () => call<CollectionPlan>('collect'),
    verify: (manifest, wish) =>
      call<VerifyReport>('verify', { manifest, heals: wish?.heals, deep: wish?.deep }, watched(wish)),
    scrub: (intervalMs, pace) => call<boolean>('scrub', { intervalMs }, { answers: pacing(pace) }),
    scrubState: async () => (await call<ScrubState | null>('scrubState')) ?? undefined,
    repairs: async () => {
      const { count, last } = await call<Repairs>('repairs')
      return { count, last }
    },
    requireRoom: async () => void (await call('requireRoom')),
    room: async () => (await call<StoreRoom | null>('room')) ?? undefined,
    stats: () => call<StoreStats>('stats'),
    close: async () => close(),
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

const watched = (watch: Watch = {}): CallOptions => ({
  signal: watch.signal,
  onProgress: (done, total) => watch.onProgress?.(done, total),
})

async function* parts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += MAX_BODY_BYTES) yield bytes.subarray(at, at + MAX_BODY_BYTES)
}

/** What a region asks for that takes bytes in. */
const giving = (bytes: SparseBytes): Answers => ({
  extents: () => listParts(bytes.extents()),
  bytes: reading(bytes),
})

const reading = (bytes: Pick<SparseBytes, 'read'>): NonNullable<Answers['bytes']> =>
  async function* ({ head }) {
    const { offset, length } = head as { offset: number; length: number }
    if (!Number.isSafeInteger(length) || length < 0 || length > MAX_BODY_BYTES)
      throw new WireBroken('The region asks for too much.')
    const target = Buffer.alloc(length)
    await bytes.read(offset, target)
    if (length > 0) yield target
  }

/** What a region asks for that takes a manifest over. */
const offering = (manifest: ManifestId, from: ChunkSource): Answers => ({
  async *root() {
    yield* parts(await from.manifestRoot(manifest))
  },
  chunks: ({ body }) => encodeBatches(inBatches(from.chunks(decodeIds(body)))),
  stored: ({ head, body }) => encodeBatches(storedOf(from, decodeIds(body)), head.sums === true),
})

/** Not before the caller's pace allows it is the next part of the region's store read. */
const pacing = (pace: (bytes: number) => Promise<void>): Answers => ({
  async *pace({ head }) {
    if (!Number.isSafeInteger(head.bytes)) throw new WireBroken('The region asks for something strange.')
    await pace(head.bytes as number)
    yield Buffer.alloc(0)
  },
})

const healing = (heal: Heal): Answers => ({
  async *heal({ head }) {
    const chunk = /^[0-9a-f]{64}$/.test(String(head.id)) ? await heal(head.id as ChunkId) : undefined
    if (chunk) yield* encodeBatches(inBatches(each([chunk])))
  },
})

const rootOf = async (call: CallStore, manifest: ManifestId): Promise<Buffer> => {
  const parts: Buffer[] = []
  let sizeBytes = 0
  const onItem = (part: Buffer) => {
    parts.push(part)
    sizeBytes += part.length
    if (sizeBytes > MAX_ROOT_BYTES) throw new WireBroken('A manifest is too long.')
  }
  await call('root', { manifest }, { onItem })
  const root = Buffer.concat(parts)
  if (manifestIdOf(root) !== manifest) throw new ChunkCorrupt(manifest as string as ChunkId)
  return root
}

async function* batchesOf(call: CallStore, ids: readonly ChunkId[], name: 'chunks' | 'stored') {
  for (let first = 0; first < ids.length; first += MOST_IDS) {
    const body = encodeIds(ids.slice(first, first + MOST_IDS))
    for await (const message of streamed(options => call(name, {}, { ...options, body }))) yield decodeBatch(message)
  }
}

/** An image, read chunk by chunk and checked on this side too. While it is open, no collection there takes its chunks. */
const open = async (
  call: CallStore,
  source: ChunkSource,
  remote: RemoteChunks,
  manifest: ManifestId,
): Promise<SparseBytes> => {
  const unpin = await pin(call, manifest)
  try {
    return bytesOfLayout(manifestLayout(decodeRoot(await source.manifestRoot(manifest)), remote), remote, unpin)
  } catch (error) {
    unpin()
    throw error
  }
}

/** Resolves when the manifest is pinned. A region that restarts forgets the pin: then the read finds out what is still there. */
const pin = async (call: CallStore, manifest: ManifestId): Promise<() => void> => {
  const stop = new AbortController()
  await new Promise<void>((resolve, reject) => {
    call('pin', { manifest }, { signal: stop.signal, onItem: () => resolve() }).catch(reject)
  })
  return () => stop.abort()
}
