import assert from 'node:assert/strict'
import type { ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk } from './crashing-files.ts'

const PAGE = 4096
export const FOLDER = '/data/store'

/** Some pages of noise, some compressible ones, some of zeros, and an odd end: a small disk image. */
export const imageOf = (seed: number, pages: number, oddBytes = 0): Buffer => {
  const random = seededRandom(seed)
  const image = Buffer.alloc(pages * PAGE + oddBytes)
  for (let page = 0; page < pages; page++) {
    const kind = random.next()
    if (kind < 0.4) random.bytes(PAGE).copy(image, page * PAGE)
    else if (kind < 0.5) image.fill(random.bytes(40), page * PAGE, (page + 1) * PAGE)
  }
  if (oddBytes > 0) random.bytes(oddBytes).copy(image, pages * PAGE)
  return image
}

export const openOn = (files: Files, seed: number, clock = new FakeClock()): Promise<ChunkStore> =>
  openStore(FOLDER, { files, random: seededRandom(seed), clock, workers: hashInThread() })

export const contentOf = async (store: ChunkStore, hold: string): Promise<Buffer | undefined> => {
  const manifest = await store.held(hold)
  if (!manifest) return undefined
  const bytes = await store.open(manifest)
  const content = Buffer.alloc(bytes.sizeBytes)
  await bytes.read(0, content)
  await bytes.close()
  return content
}

/**
 * What a store must hold: for every name the content that was acknowledged and, while a call runs, the one that it may bring.
 * `undefined` stands for no hold, or no draft.
 */
export class Promises {
  readonly #may = new Map<string, (Buffer | undefined)[]>()

  /** Runs a call that gives a name a new content: until it is acknowledged, either is fine. */
  async change(name: string, next: Buffer | undefined, call: () => Promise<unknown>): Promise<void> {
    const before = this.#may.get(name) ?? [undefined]
    this.#may.set(name, [...before, next])
    await call()
    this.#may.set(name, [next])
  }

  async check(store: ChunkStore, when: string): Promise<void> {
    for (const [name, allowed] of this.#may) {
      const found = name.startsWith('draft ') ? await draftContent(store, name) : await contentOf(store, name)
      const fits = allowed.some(each => (each && found ? each.equals(found) : each === found))
      assert.ok(fits, `${name} has none of the ${allowed.length} contents it may have, ${when}`)
    }
  }
}

const draftContent = async (store: ChunkStore, id: string): Promise<Buffer | undefined> => {
  const draft = await store.findDraft(id)
  if (!draft) return undefined
  const content = Buffer.alloc(draft.sizeBytes)
  await draft.bytes().read(0, content)
  return content
}

const with_ = (image: Buffer, bytes: Buffer, offset: number): Buffer => {
  const changed = Buffer.from(image)
  bytes.copy(changed, offset)
  return changed
}

/** A store on a disk that never fails, with one image: what the other store receives from. */
const makePeer = async () => {
  const disk = new CrashingDisk(seededRandom(99).next)
  const store = await openOn(disk.files(), 98)
  const image = with_(imageOf(1, 24), imageOf(7, 5), 4 * PAGE)
  const { manifest } = await store.ingest(bytesOf(image), 'theirs')
  return { store, image, manifest }
}

/** The life of a store in little: every call that writes, some beside each other. Each step may fail; `attempt` says what then. */
export const makeHistory = async () => {
  const peer = await makePeer()
  const a = imageOf(1, 24)
  const b = with_(a, imageOf(2, 3), 9 * PAGE)
  const c = imageOf(3, 20, 512)
  const d = imageOf(4, 12)
  return async (store: ChunkStore, promises: Promises, attempt: (step: () => Promise<unknown>) => Promise<void>) => {
    const ingest = (name: string, image: Buffer) =>
      promises.change(name, image, () => store.ingest(bytesOf(image), name))
    await attempt(() => ingest('a', a))
    await attempt(() => ingest('b', b))
    await attempt(async () => {
      const both = await Promise.allSettled([ingest('c1', c), ingest('c2', c)])
      for (const result of both) if (result.status === 'rejected') throw result.reason
    })
    await attempt(() => promises.change('theirs', peer.image, () => store.receive(peer.manifest, peer.store, 'theirs')))
    let content: Buffer = Buffer.alloc(20 * PAGE)
    const draft = 'draft upload'
    await attempt(() => promises.change(draft, content, () => store.draft(draft, content.length)))
    const write = async (bytes: Buffer, offset: number) => {
      const next = with_(content, bytes, offset)
      const open = await store.findDraft(draft)
      if (!open) return
      await promises.change(draft, next, () => open.write(offset, bytes))
      content = next
    }
    await attempt(() => write(d, 2 * PAGE))
    await attempt(() => write(d.subarray(0, 512), 5 * PAGE + 512))
    await attempt(() => write(a.subarray(0, 5000), 9 * PAGE + 77))
    await attempt(
      async () =>
        (await store.findDraft(draft)) &&
        promises.change('d', content, async () => {
          await (await store.findDraft(draft))!.seal('d')
        }),
    )
    await attempt(() => promises.change('a', undefined, () => store.release('a')))
    await attempt(() => promises.change('c2', undefined, () => store.release('c2')))
    await attempt(() => promises.change('b', undefined, () => store.release('b')))
    await attempt(() => Promise.all([store.collect(), ingest('e', with_(a, d, PAGE))]))
    await attempt(async () => {
      const [first, second] = [await store.held('c1'), await store.held('theirs')]
      if (!first || !second) return
      const joined = Buffer.concat([c.subarray(100, 40_000), Buffer.alloc(5), peer.image.subarray(PAGE)])
      const pieces = [
        { manifest: first, offset: 100, length: 39_900 },
        { hole: true, length: 5 },
        { manifest: second, offset: PAGE, length: peer.image.length - PAGE },
      ] as const
      await promises.change('joined', joined, () => store.compose(pieces, 'joined'))
    })
    await attempt(async () => {
      const manifest = await store.held('theirs')
      if (manifest) await promises.change('c1', peer.image, () => store.hold('c1', manifest))
    })
    await attempt(async () => promises.change(draft, undefined, async () => (await store.findDraft(draft))?.discard()))
    await attempt(() => store.collect())
    await attempt(() => store.close())
  }
}
