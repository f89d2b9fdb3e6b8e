import { BundleFile } from '#data-plane/bundles/bundle-file.ts'
import type { BundleHead } from '#data-plane/bundles/bundle-head.ts'
import { encodeRecord } from '#data-plane/bundles/bundle-record.ts'
import type { ChunkId } from '#data-plane/chunks/chunk-store.ts'
import { nodeFiles } from '#foundation/files.ts'
import type { ArmClient } from '../client/arm-client.ts'
import { usageError } from '../failure.ts'
import type { SignedReceipt } from './export-bundle.ts'

export interface ImportWatch {
  verifying(doneBytes: number, totalBytes: number): void
  importing(what: string, doneBytes: number, totalBytes: number): void
  readonly signal?: AbortSignal
}

export interface Imported {
  readonly head: BundleHead
  readonly receipt: SignedReceipt
  readonly made: readonly string[]
  readonly notes: readonly string[]
  /** What travelled to the server: what it had is not sent. */
  readonly sentBytes: number
}

/** What the server answers to each turn. */
interface Turn {
  readonly turn: number
  readonly want: readonly ChunkId[]
  readonly progress: { readonly what: string; readonly doneBytes: number; readonly totalBytes: number }
  readonly outcome?: SignedReceipt & {
    readonly signature: string
    readonly made: readonly string[]
    readonly notes: readonly string[]
  }
}

const TURN_BYTES = 16 * 2 ** 20
const patient = { silenceLimitMs: 0 }

/** Reads and checks the whole file, then gives the server what it wants of it. */
export const importBundle = async (
  arm: ArmClient,
  fileName: string,
  regions: string,
  watch: ImportWatch,
): Promise<Imported> => {
  if (!(await nodeFiles.exists(fileName))) throw usageError(`${fileName} does not exist.`)
  const file = await nodeFiles.open(fileName, 'read')
  try {
    const bundle = new BundleFile(file)
    await bundle.scan({ onProgress: watch.verifying, ...(watch.signal && { signal: watch.signal }) })
    const head = bundle.requireWhole()
    return { head, ...(await giveTo(arm, bundle, regions, watch)) }
  } finally {
    await file.close()
  }
}

const giveTo = async (arm: ArmClient, bundle: BundleFile, regions: string, watch: ImportWatch) => {
  const begun = await arm.exchange('/opengallery/bundle/import', bundle.headPayload, { regions })
  const path = `/opengallery/bundle/import/${JSON.parse(begun.toString()).import}`
  let sentBytes = 0
  let [turn, given] = [0, { answered: 0, records: Buffer.alloc(0) }]
  for (;;) {
    watch.signal?.throwIfAborted()
    const query = { turn: String(turn), answered: String(given.answered) }
    const answer: Turn = JSON.parse((await arm.exchange(path, given.records, query, patient)).toString())
    sentBytes += given.records.length
    const { what, doneBytes, totalBytes } = answer.progress
    watch.importing(what, doneBytes, totalBytes)
    if (answer.outcome) {
      const { made, notes, receipt, signature } = answer.outcome
      return { made, notes, receipt: { receipt, signature }, sentBytes }
    }
    turn = answer.turn
    given = await recordsOf(bundle, answer.want)
  }
}

/** As many of the wanted records as fit a turn; those that the bundle lacks are passed over. */
const recordsOf = async (bundle: BundleFile, want: readonly ChunkId[]) => {
  const records: Buffer[] = []
  let [answered, bytes] = [0, 0]
  for (const id of want) {
    if (bytes >= TURN_BYTES) break
    const record = await bundle.record(id)
    if (record) {
      const encoded = encodeRecord(record)
      records.push(encoded)
      bytes += encoded.length
    }
    answered++
  }
  return { answered, records: Buffer.concat(records) }
}
