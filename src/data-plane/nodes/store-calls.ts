import type { ChunkId, ChunkSource, ChunkStore, Draft, ManifestId, Piece } from '#data-plane/chunks/chunk-store.ts'
import { MAX_ROOT_BYTES } from '#data-plane/chunks/manifest.ts'
import { chunksIn, inBatches, storedOf } from '#data-plane/chunks/stored-batches.ts'
import type { ChangedBytes, ChangedExtent, Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import type { ServedCall } from './served-call.ts'
import { decodeBatch, decodeIds, encodeBatches, encodeIds } from './travelling-chunks.ts'
import { listParts } from './travelling-lists.ts'
import { MAX_BODY_BYTES, WireBroken } from './wire.ts'

/** A store that a region's process owns; `run` makes its failures name what is gone. */
export interface HostedStore {
  run<T>(work: (store: ChunkStore) => Promise<T>): Promise<T>
}

type Call = (store: ChunkStore, call: ServedCall) => Promise<unknown>

const field = (call: ServedCall, name: string): unknown => call.request.head[name]

const text = (call: ServedCall, name: string): string => {
  const value = field(call, name)
  if (typeof value !== 'string') throw new WireBroken(`The call lacks ${name}.`)
  return value
}

const number = (call: ServedCall, name: string, most = Number.MAX_SAFE_INTEGER): number => {
  const value = field(call, name)
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most)
    throw new WireBroken(`The call lacks ${name}.`)
  return value as number
}

const manifestOf = (call: ServedCall): ManifestId => {
  const id = text(call, 'manifest')
  if (!/^[0-9a-f]{64}$/.test(id)) throw new WireBroken('The call names no manifest.')
  return id as ManifestId
}

const stateOf = ({ sizeBytes, written }: Draft) => ({ sizeBytes, written })

const draftOf = async (store: ChunkStore, call: ServedCall): Promise<Draft> => {
  const id = text(call, 'draft')
  const draft = await store.findDraft(id)
  if (!draft) throw new Error(`The draft ${id} was discarded.`)
  return draft
}

const MOST_PIECES = 1_000_000

/** Whether what a caller says lies where is a place in an image. */
const isRange = ({ offset, length }: { readonly offset: unknown; readonly length: unknown }): boolean =>
  [offset, length].every(value => Number.isSafeInteger(value) && (value as number) >= 0)

const sendList = async <T>(call: ServedCall, items: AsyncIterable<T>): Promise<void> => {
  for await (const part of listParts(items)) await call.item(part)
}

async function* askList(call: ServedCall, want: string): AsyncGenerator<unknown> {
  for await (const part of call.ask(want)) {
    const list: unknown = JSON.parse(part.toString('utf8'))
    if (!Array.isArray(list)) throw new WireBroken('A list is none.')
    yield* list
  }
}

/** The bytes that the caller wants to have taken in: read there as they are needed here. */
const bytesOfCaller = (call: ServedCall, sizeBytes: number): SparseBytes => ({
  sizeBytes,
  async *extents() {
    for await (const item of askList(call, 'extents')) {
      const { offset, length } = (item ?? {}) as Extent
      if (!isRange({ offset, length })) throw new WireBroken('An extent is none.')
      yield { offset, length }
    }
  },
  async read(offset, target) {
    let filled = 0
    for await (const part of call.ask('bytes', { offset, length: target.length })) {
      if (filled + part.length > target.length) throw new WireBroken('More bytes came than were asked for.')
      target.set(part, filled)
      filled += part.length
    }
    if (filled < target.length) throw new WireBroken('Fewer bytes came than were asked for.')
  },
  async close() {},
})

/** What has changed at the caller's side, the same way. */
const changeOfCaller = (call: ServedCall, sizeBytes: number): ChangedBytes => ({
  ...bytesOfCaller(call, sizeBytes),
  async *changes() {
    for await (const item of askList(call, 'changes')) {
      const { offset, length, kind } = (item ?? {}) as ChangedExtent
      if (!isRange({ offset, length }) || (kind !== 'data' && kind !== 'zero'))
        throw new WireBroken('A change is none.')
      yield { offset, length, kind }
    }
  },
})

async function* chunksOfCaller(call: ServedCall, ids: readonly ChunkId[]) {
  for await (const message of call.ask('chunks', {}, encodeIds(ids))) yield* chunksIn(decodeBatch(message))
}

async function* storedOfCaller(call: ServedCall, ids: readonly ChunkId[]) {
  for await (const message of call.ask('stored', { sums: true }, encodeIds(ids)))
    yield decodeBatch(message, true, () => call.recycle(message))
}

/** The store at the caller's side that has a manifest. The caller is the gallery, whose sums count: see docs/decisions/0017. */
const sourceOfCaller = (call: ServedCall): ChunkSource => ({
  async manifestRoot() {
    const parts: Buffer[] = []
    let sizeBytes = 0
    for await (const part of call.ask('root')) {
      parts.push(part)
      sizeBytes += part.length
      if (sizeBytes > MAX_ROOT_BYTES) throw new WireBroken('A manifest is too long.')
    }
    return Buffer.concat(parts)
  },
  chunks: ids => chunksOfCaller(call, ids),
  stored: ids => storedOfCaller(call, ids),
})

const piecesOf = async (call: ServedCall): Promise<Piece[]> => {
  const pieces: Piece[] = []
  for await (const item of askList(call, 'pieces')) {
    const { manifest, hole, offset, length } = (item ?? {}) as Record<string, unknown>
    const isLength = Number.isSafeInteger(length)
    const isPart = Number.isSafeInteger(offset) && /^[0-9a-f]{64}$/.test(String(manifest))
    if (!isLength || (hole !== true && !isPart)) throw new WireBroken('A piece is none.')
    if (pieces.length === MOST_PIECES) throw new WireBroken('Too many pieces.')
    pieces.push(item as Piece)
  }
  return pieces
}

const sendRoot = async (store: ChunkStore, call: ServedCall): Promise<void> => {
  const root = await store.manifestRoot(manifestOf(call))
  for (let at = 0; at < root.length; at += MAX_BODY_BYTES) await call.item(root.subarray(at, at + MAX_BODY_BYTES))
}

/** The caller says how fast a store may be read through. */
const paced = async (call: ServedCall, bytes: number): Promise<void> => {
  for await (const part of call.ask('pace', { bytes }))
    if (part.length > 0) throw new WireBroken('More came than a sign to go on.')
}

/** Keeps collections away from a manifest until the caller says that it is done, or is gone. */
const pin: Call = async (store, call) => {
  const bytes = await store.open(manifestOf(call))
  try {
    await call.item()
    await call.inbox.next()
  } finally {
    await bytes.close()
  }
}

/** What readers may call: nothing that changes a store or costs it much. */
export const readingCalls: ReadonlySet<string> = new Set([
  'hello',
  'describe',
  'pin',
  'root',
  'chunks',
  'stored',
  'held',
  'holds',
])

/** Everything that a store can be asked over the wire. */
export const calls: Readonly<Record<string, Call>> = {
  hello: async store => ({ id: store.id }),
  ingest: (store, call) =>
    store.ingest(bytesOfCaller(call, number(call, 'sizeBytes')), text(call, 'hold'), call.watch()),
  ingestChange: (store, call) => {
    const change = changeOfCaller(call, number(call, 'sizeBytes'))
    return store.ingestChange(manifestOf(call), change, text(call, 'hold'), call.watch())
  },
  compose: async (store, call) => store.compose(await piecesOf(call), text(call, 'hold')),
  receive: (store, call) => store.receive(manifestOf(call), sourceOfCaller(call), text(call, 'hold'), call.watch()),
  describe: (store, call) => store.describe(manifestOf(call)),
  pin,
  root: sendRoot,
  chunks: async (store, call) => {
    const chunks = store.chunks(decodeIds(call.request.body))
    for await (const body of encodeBatches(inBatches(chunks))) await call.item(body)
  },
  stored: async (store, call) => {
    const ids = decodeIds(call.request.body)
    for await (const body of encodeBatches(storedOf(store, ids))) await call.item(body)
  },
  hold: (store, call) => store.hold(text(call, 'hold'), manifestOf(call)),
  release: (store, call) => store.release(text(call, 'hold')),
  held: (store, call) => store.held(text(call, 'hold')),
  holds: (store, call) => sendList(call, store.holds()),
  draft: async (store, call) => stateOf(await store.draft(text(call, 'draft'), number(call, 'sizeBytes'))),
  findDraft: async (store, call) => {
    const draft = await store.findDraft(text(call, 'draft'))
    return draft && stateOf(draft)
  },
  begin: async (store, call) => {
    const draft = await draftOf(store, call)
    await draft.begin(manifestOf(call))
    return stateOf(draft)
  },
  write: async (store, call) => {
    const draft = await draftOf(store, call)
    await draft.write(number(call, 'offset'), call.request.body)
    return stateOf(draft)
  },
  clear: async (store, call) => {
    const draft = await draftOf(store, call)
    await draft.clear(number(call, 'offset'), number(call, 'length'))
    return stateOf(draft)
  },
  resize: async (store, call) => {
    const draft = await draftOf(store, call)
    await draft.resize(number(call, 'sizeBytes'))
    return stateOf(draft)
  },
  readDraft: async (store, call) => {
    const target = Buffer.alloc(number(call, 'length', MAX_BODY_BYTES))
    await (await draftOf(store, call)).bytes().read(number(call, 'offset'), target)
    await call.item(target)
  },
  draftExtents: async (store, call) => sendList(call, (await draftOf(store, call)).bytes().extents()),
  seal: async (store, call) => (await draftOf(store, call)).seal(text(call, 'hold')),
  discard: async (store, call) => (await store.findDraft(text(call, 'draft')))?.discard(),
  planCollection: store => store.planCollection(),
  collect: store => store.collect(),
  verify: (store, call) => {
    const manifest = field(call, 'manifest') === undefined ? undefined : manifestOf(call)
    const [heals, deep] = [field(call, 'heals') !== false, field(call, 'deep') === true]
    return store.verify(manifest, { ...call.watch(), heals, deep })
  },
  scrub: (store, call) => store.scrub(number(call, 'intervalMs'), bytes => paced(call, bytes)),
  scrubState: store => store.scrubState(),
  repairs: store => store.repairs(),
  requireRoom: store => store.requireRoom(),
  room: store => store.room(),
  stats: store => store.stats(),
}
