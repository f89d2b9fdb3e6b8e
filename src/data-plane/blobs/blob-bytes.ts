import type { Draft, Ingested, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { type HoldPromise, reconcile } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { BlobRow, BlobTable, Freed } from './blob-table.ts'
import { limit } from './limit.ts'
import type { Body } from './request-body.ts'

const holdPrefix = 'blob/'

/** Whether a hold was made by the blob endpoint, which looks after it itself. */
export const isBlobHold = (hold: string): boolean => hold.startsWith(holdPrefix)

/** A body of this size or less is stored in one piece; a longer one goes into a draft, segment by segment. */
const segmentBytes = 8 * 1024 * 1024
/** Segments in memory at once, over all requests: further bodies wait unread. */
const maxSegments = 24

/** A body as it lies in the store: held, but not yet promised to anybody. */
export interface StoredBody extends Ingested {
  readonly hold: string
  readonly md5: string
}

/** The bytes behind blobs, in the regions' stores. */
export const blobBytes = (parts: { regions: Regions; table: BlobTable; random: Random; log: Log }) => {
  const { regions, table, random, log } = parts
  const inMemory = limit(maxSegments)
  const newHold = () => `${holdPrefix}${random.uuid()}`

  const beginDraft = async (region: string, sizeBytes: number): Promise<Draft> => {
    const id = `${holdPrefix}${random.uuid()}`
    await table.beginDraft(id, region)
    return await regions.draft(region, id, sizeBytes, true)
  }
  const dropDraft = async (region: string, id: string): Promise<void> => {
    const draft = await regions.findDraft(region, id)
    await draft?.discard()
    await table.forgetDraft(id)
  }
  const storeSmall = (region: string, body: Body): Promise<StoredBody> =>
    inMemory.run(async () => {
      let whole: Buffer = Buffer.alloc(0)
      for await (const segment of body.segments(segmentBytes + 1)) whole = segment
      const md5 = body.md5()
      const hold = newHold()
      return { ...(await regions.ingest(region, bytesOf(whole), hold)), hold, md5 }
    })
  const storeLarge = async (region: string, body: Body, sizeBytes: number): Promise<StoredBody> => {
    const draft = await beginDraft(region, sizeBytes)
    try {
      await fill(draft, body)
      const md5 = body.md5()
      const hold = newHold()
      return { ...(await draft.seal(hold)), hold, md5 }
    } finally {
      await dropDraft(region, draft.id).catch(error => log.warn('A draft could not be dropped.', { error }))
    }
  }
  /** While one segment is written the next one is read: two of an upload are in memory at once. */
  const fill = async (draft: Draft, body: Body): Promise<void> => {
    const segments = body.segments(segmentBytes)[Symbol.asyncIterator]()
    let offset = 0
    let writing: Promise<void> = Promise.resolve()
    try {
      for (;;) {
        const giveBack = await inMemory.take()
        let next: IteratorResult<Buffer>
        try {
          next = await segments.next()
          await writing
        } catch (error) {
          giveBack()
          throw error
        }
        if (next.done) return giveBack()
        writing = draft.write(offset, next.value).finally(giveBack)
        writing.catch(() => {}) // it is awaited in the next round
        offset += next.value.length
      }
    } finally {
      await writing.catch(() => {})
    }
  }

  return {
    /** Runs work that keeps a body in memory, when there is room for one more. */
    inMemory: inMemory.run,
    newHold,
    beginDraft,
    dropDraft,
    /** Takes in a body as it arrives, with bounded memory; its MD5 is checked before anything is held. */
    store: (region: string, body: Body, sizeBytes: number): Promise<StoredBody> =>
      sizeBytes <= segmentBytes ? storeSmall(region, body) : storeLarge(region, body, sizeBytes),

    /** A page blob's pages. */
    async draftOf(row: Pick<BlobRow, 'region' | 'draft'>): Promise<Draft> {
      invariant(row.draft !== null, 'A page blob has a draft.')
      const draft = await regions.findDraft(row.region, row.draft)
      invariant(draft, 'The draft of a page blob is in its store.')
      return draft
    },
    async open(row: BlobRow): Promise<SparseBytes> {
      if (row.kind === 'PageBlob') return (await this.draftOf(row)).bytes()
      return await regions.open(row.region, row.manifest as ManifestId)
    },
    /** Gives up what a committed change left behind. What fails here is found again at the next start. */
    async free(freed: Freed): Promise<void> {
      try {
        for (const { region, hold } of freed.holds) await regions.release(region, hold)
        for (const { region, draft } of freed.drafts) await dropDraft(region, draft)
      } catch (error) {
        log.warn('Bytes of removed blobs stay until the next start.', { error })
      }
    },
    /** Every hold that a blob or a block stands on. */
    async *promises(): AsyncIterable<HoldPromise> {
      for (const source of ['blob', 'blob_block'] as const) {
        const rows = await table.tables.selectFrom(source).select(['region', 'hold', 'manifest']).execute()
        for (const { region, hold, manifest } of rows)
          if (hold !== null) yield { region, hold, manifest: manifest as ManifestId, copies: 1 }
      }
    },
    /** Throws away what a crash left behind. Only before the first request. */
    async tidy(): Promise<void> {
      for (const { id, region } of await table.lostDrafts())
        await dropDraft(region, id).catch(error => log.warn('A lost draft stays for now.', { region, error }))
      await reconcile(regions, this.promises(), isBlobHold, log)
    },
  }
}
export type BlobBytes = ReturnType<typeof blobBytes>
