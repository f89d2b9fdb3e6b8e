import * as path from 'node:path'
import { BundleFile, reopenTorn } from '#data-plane/bundles/bundle-file.ts'
import type { BundleHead } from '#data-plane/bundles/bundle-head.ts'
import { decodeRecords } from '#data-plane/bundles/bundle-record.ts'
import { type ImageSource, writeImages } from '#data-plane/bundles/write-bundle.ts'
import { ManifestMissing, type Watch } from '#data-plane/chunks/chunk-store.ts'
import { nodeFiles } from '#foundation/files.ts'
import { type ArmClient, ArmRefused } from '../client/arm-client.ts'
import { Failure } from '../failure.ts'

export interface ExportOrder {
  readonly file: string
  /** Paths of what is to be exported; none: all. */
  readonly only: readonly string[]
  readonly since?: { readonly receipt: SignedReceipt } | { readonly date: string }
}

/** The part of a receipt that matters here; the server reads all of it. */
export interface SignedReceipt {
  readonly receipt: { readonly bundle: string; readonly versions: readonly { readonly path: string }[] }
}

export interface Exported {
  readonly head: BundleHead
  readonly versions: readonly string[]
  readonly records: number
  readonly sizeBytes: number
  /** Of those, what an interrupted export had written before. */
  readonly resumedBytes: number
}

/** Writes a bundle to `FILE.part`, which becomes the file once it is whole; a part that is there is continued. */
export const exportBundle = async (arm: ArmClient, order: ExportOrder, watch: Watch): Promise<Exported> => {
  const part = `${order.file}.part`
  const isThere = await nodeFiles.exists(part)
  // Asked before there is a file: a refusal leaves none behind.
  const begun = isThere ? undefined : await begin(arm, order)
  const file = await nodeFiles.open(part, isThere ? 'write' : 'create')
  let exported: Exported
  try {
    const bundle = new BundleFile(file)
    const resumedBytes = isThere && (await reopenTorn(bundle)) ? bundle.sizeBytes : 0
    if (resumedBytes > 0) await requireSame(bundle.head(), order, part, arm)
    else if (bundle.sizeBytes === 0 && (await file.sizeBytes()) > 0) throw notOurs(part)
    else await bundle.begin(begun ?? (await begin(arm, order)))
    if (!bundle.isEnded) await fill(bundle, arm, watch)
    const head = bundle.head()
    const { records, sizeBytes } = bundle
    exported = { head, versions: contentOf(head).versions.map(one => one.path), records, sizeBytes, resumedBytes }
  } catch (error) {
    throw isDiskFull(error) ? noRoom(error) : error
  } finally {
    await file.close()
  }
  await nodeFiles.rename(part, order.file)
  await nodeFiles.syncDirectory(path.dirname(path.resolve(order.file)))
  return exported
}

const isDiskFull = (error: unknown): error is NodeJS.ErrnoException =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')

const noRoom = (cause: NodeJS.ErrnoException): Failure =>
  new Failure(cause.message, { advice: 'Make room and give the command again: it goes on where it stopped.', cause })

/** The head of a new bundle. */
const begin = (arm: ArmClient, { only, since }: ExportOrder): Promise<Buffer> =>
  arm.exchange('/opengallery/bundle/export', { only, ...since })

const notOurs = (part: string): Failure =>
  new Failure(`${part} is there and is no interrupted export.`, { advice: 'Remove it, or choose another name.' })

interface Content {
  readonly request: { readonly only: readonly string[]; readonly since?: string }
  readonly versions: readonly { readonly path: string }[]
}

const contentOf = (head: BundleHead): Content => head.content as Content

const fill = async (bundle: BundleFile, arm: ArmClient, watch: Watch): Promise<void> => {
  try {
    await writeImages(bundle, sourceOf(arm), watch)
  } catch (error) {
    if (!(error instanceof ManifestMissing)) throw error
    throw new Failure('A version was deleted while it was exported.', {
      advice: 'Remove the .part file and begin anew.',
      cause: error,
    })
  }
  await bundle.finish(async digest => {
    const { signature } = await arm.act('/opengallery/bundle/seal', { digest: digest.toString('hex') })
    return Buffer.from(signature, 'base64')
  })
}

const sourceOf = (arm: ArmClient): ImageSource =>
  async function* (manifest, ids) {
    const rest = new Set(ids)
    while (rest.size > 0) {
      const before = rest.size
      for (const record of decodeRecords(await chunksOf(arm, manifest, [...rest]))) {
        if (rest.delete(record.id)) yield record
      }
      if (rest.size === before) throw new Failure('The server did not send what it was asked for.')
    }
  }

const chunksOf = async (arm: ArmClient, manifest: string, ids: readonly string[]): Promise<Buffer> => {
  try {
    return await arm.exchange('/opengallery/bundle/chunks', { manifest, ids })
  } catch (error) {
    if (error instanceof ArmRefused && error.code === 'BundleImageMissing') throw new ManifestMissing(manifest as never)
    throw error
  }
}

/** An interrupted export goes on only as what it began as. */
const requireSame = async (head: BundleHead, order: ExportOrder, part: string, arm: ArmClient): Promise<void> => {
  const { publicKey } = await arm.get('/opengallery/bundle/key')
  const { only, since } = contentOf(head).request
  const wanted =
    order.since && ('receipt' in order.since ? order.since.receipt.receipt.bundle : dateOf(order.since.date))
  if (head.publicKey === publicKey && only.join() === order.only.join() && since === wanted) return
  throw new Failure(`${part} was left by another export, with other options or of another installation.`, {
    advice: 'Repeat that one to finish it, or remove the file.',
  })
}

const dateOf = (text: string): string => new Date(text).toISOString()
