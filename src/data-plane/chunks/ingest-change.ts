import type { ChangedBytes, Extent } from '#foundation/sparse-bytes.ts'
import { ChangeCutter } from './change-cutter.ts'
import { type Ingested, type ManifestId, ManifestMissing, type Watch } from './chunk-store.ts'
import { SEGMENT_BYTES } from './intake.ts'
import { checkPage, clip, type Manifest, type Slice, spanBytesOf } from './manifest.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import { atWork, type StoreCore } from './store-core.ts'
import { endOf, type Touched } from './touched-segment.ts'

const NOWHERE = Number.POSITIVE_INFINITY

/**
 * Makes a manifest of another one and what has changed since: spans without a change keep their pages, unread; around a change the
 * chunks are cut where a whole ingest would cut them, which reads the chunks that a change has cut into, and the next one or two.
 */
export const ingestChange = async (
  core: StoreCore,
  base: ManifestId,
  change: ChangedBytes,
  hold: string,
  watch: Watch = {},
): Promise<Ingested> => {
  const unpin = core.leases.pin(base)
  try {
    if (!core.manifests.has(base)) throw new ManifestMissing(base)
    const before = await core.manifests.read(base)
    return await atWork(core, async work => {
      await core.room.require()
      const writer = new ManifestWriter(core, work, change.sizeBytes)
      const cutter = new ChangeCutter(core, work, writer, change)
      try {
        await merge(core, before, change, writer, cutter, watch)
        watch.signal?.throwIfAborted()
        await cutter.finish()
      } finally {
        await cutter.close()
      }
      const ingested = await writer.finish(hold, cutter.counts)
      watch.onProgress?.(change.sizeBytes, change.sizeBytes)
      return ingested
    })
  } finally {
    unpin()
  }
}

/** Goes through the pages of what was and through what has changed, span by span. */
const merge = async (
  core: StoreCore,
  before: Manifest,
  change: ChangedBytes,
  writer: ManifestWriter,
  cutter: ChangeCutter,
  { signal, onProgress }: Watch,
): Promise<void> => {
  const { sizeBytes } = change
  const spanBytes = spanBytesOf(before.nominalBytes)
  const isShareable = writer.nominalBytes === before.nominalBytes
  const changes = await Ahead.of(touchedBy(change, before.sizeBytes))
  let sharedBytes = before.dataBytes
  let page = 0
  let carried: Slice[] = []
  for (;;) {
    signal?.throwIfAborted()
    const next = Math.min(...[before.pages[page], changes.next, carried[0]].map(each => each?.offset ?? NOWHERE))
    if (next === NOWHERE) break
    const end = (Math.floor(next / spanBytes) + 1) * spanBytes
    const first = page
    while (page < before.pages.length && before.pages[page]!.offset < end) page++
    // A slice may reach beyond its span by nearly a chunk, into what has changed there.
    const until = Math.min(changes.next?.offset ?? NOWHERE, sizeBytes < before.sizeBytes ? sizeBytes : NOWHERE)
    if (isShareable && until >= end + MAX_CHUNK_BYTES && carried.length === 0) {
      for (let i = first; i < page; i++) await cutter.share(before.pages[i]!)
      continue
    }
    const own = await slicesOf(core, before, first, page)
    for (const { length } of own) sharedBytes -= length
    const slices = atSegments(
      [...carried, ...own].map(slice => clip(slice, 0, sizeBytes)),
      clip,
    )
    carried = slices.filter(slice => slice.offset >= end)
    const touched = atSegments(await changes.before(end), cutChange)
    await cutter.span(
      slices.filter(slice => slice.offset < end),
      touched,
    )
    onProgress?.(Math.min(end, sizeBytes), sizeBytes)
  }
  writer.count(sharedBytes)
}

const slicesOf = async (core: StoreCore, manifest: Manifest, first: number, end: number): Promise<Slice[]> => {
  const slices: Slice[] = []
  for (let i = first; i < end; i++)
    slices.push(...checkPage(manifest, i, await core.reader.read(manifest.pages[i]!.id)))
  return slices
}

/** Ranges cut at multiples of a segment. Slices that stay next to each other become one again when they are written. */
const atSegments = <T extends Extent>(ranges: readonly T[], cut: (range: T, from: number, to: number) => T): T[] => {
  const parts: T[] = []
  for (const range of ranges) {
    for (let at = range.offset; at < endOf(range); ) {
      const stop = Math.min(endOf(range), (Math.floor(at / SEGMENT_BYTES) + 1) * SEGMENT_BYTES)
      parts.push(cut(range, at, stop))
      at = stop
    }
  }
  return parts
}

const cutChange = ({ kind }: Touched, from: number, to: number): Touched => ({ offset: from, length: to - from, kind })

/** The changes, checked: they come from a decoder of strange files. Where the image became shorter its last page is one of them. */
async function* touchedBy(changed: ChangedBytes, sizeBefore: number): AsyncGenerator<Touched> {
  const { sizeBytes } = changed
  let end = 0
  for await (const change of changed.changes()) {
    if (!(change.offset >= end && change.length > 0 && change.offset + change.length <= sizeBytes))
      throw new RangeError(
        `A change of ${change.length} bytes at ${change.offset} is out of order, or out of the image.`,
      )
    end = endOf(change)
    yield change
  }
  if (sizeBytes < sizeBefore && end < sizeBytes) yield { offset: sizeBytes - 1, length: 1, kind: 'same' }
}

/** Changes in order, of which one is known ahead. */
class Ahead {
  readonly #changes: AsyncGenerator<Touched>
  next: Touched | undefined

  private constructor(changes: AsyncGenerator<Touched>) {
    this.#changes = changes
  }

  static async of(changes: AsyncGenerator<Touched>): Promise<Ahead> {
    const ahead = new Ahead(changes)
    await ahead.#advance()
    return ahead
  }

  /** Takes what lies before `end`; a change that goes on behind it is cut. */
  async before(end: number): Promise<Touched[]> {
    const taken: Touched[] = []
    while (this.next && this.next.offset < end) {
      const { next } = this
      taken.push(cutChange(next, next.offset, Math.min(end, endOf(next))))
      if (endOf(next) > end) this.next = cutChange(next, end, endOf(next))
      else await this.#advance()
    }
    return taken
  }

  async #advance(): Promise<void> {
    const { value, done } = await this.#changes.next()
    this.next = done ? undefined : value
  }
}
