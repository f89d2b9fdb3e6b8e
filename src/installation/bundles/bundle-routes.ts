import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ArmError } from '#arm/arm-error.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { type BundleHead, readHead, signHead } from '#data-plane/bundles/bundle-head.ts'
import { BundleRefused, decodeRecords, encodeRecord, MAX_HEAD_BYTES } from '#data-plane/bundles/bundle-record.ts'
import { isPublicKey } from '#data-plane/bundles/signing.ts'
import {
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  type ManifestId,
  ManifestMissing,
} from '#data-plane/chunks/chunk-store.ts'
import { ManifestMalformed } from '#data-plane/chunks/manifest.ts'
import { RegionFull, type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import type { SigningParts } from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { isPath } from './bundle-content.ts'
import { bundleError } from './bundle-errors.ts'
import type { BundleIdentity } from './bundle-identity.ts'
import type { BundledDisks } from './bundled-disks.ts'
import { importBundle } from './import-bundle.ts'
import { type ImportTurns, startImport } from './import-turns.ts'
import { planExport, type Since } from './plan-export.ts'
import { readReceipt, type SignedReceipt, signReceipt } from './receipt.ts'

export interface BundleParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly disks: BundledDisks
  readonly bundles: BundleIdentity
  readonly signing: SigningParts
  readonly subscriptionId: string
  origin(): string
}

interface ImportOutcome extends SignedReceipt {
  readonly made: readonly string[]
  readonly notes: readonly string[]
}

const ANSWER_BYTES = 16 * 2 ** 20
/** A root has up to 64 MiB. */
const BODY_BYTES = 80 * 2 ** 20
const MOST_IDS = 4096

/** `/opengallery/bundle...`: images that travel in a file. The file stays with the caller; what is asked for here are its parts. */
export const bundleRoutes = (app: FastifyInstance, parts: BundleParts): void => {
  const { arm, bundles } = parts
  let running: { readonly id: string; readonly turns: ImportTurns<ImportOutcome> } | undefined
  app.addHook('preClose', async () => await running?.turns.stop())

  app.get('/opengallery/bundle/key', async () => ({
    installation: await bundles.id(),
    publicKey: (await bundles.key()).publicKey,
    trusted: await bundles.trusted(),
  }))
  app.post('/opengallery/bundle/trust', async request => {
    const { publicKey } = jsonOf(request)
    if (!isPublicKey(publicKey)) throw bundleError.refused('A key is 32 bytes in base64, as `bundle key` shows it.')
    await bundles.trust(publicKey)
    return { trusted: await bundles.trusted() }
  })
  app.post('/opengallery/bundle/export', { bodyLimit: MAX_HEAD_BYTES }, async (request, reply) =>
    reply.type('application/octet-stream').send(await explained(() => beginExport(request, parts))),
  )
  app.post('/opengallery/bundle/chunks', async (request, reply) => {
    const records = await explained(() => chunksOf(request, parts))
    return reply.type('application/octet-stream').send(records)
  })
  app.post('/opengallery/bundle/seal', async request => {
    const { digest } = jsonOf(request)
    if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest))
      throw bundleError.refused('A digest has 64 digits.')
    return { signature: (await bundles.key()).sign('end', Buffer.from(digest, 'hex')).toString('base64') }
  })
  app.post('/opengallery/bundle/import', { bodyLimit: MAX_HEAD_BYTES }, async request => {
    const head = await explained(async () => readHead(bodyOf(request)))
    if (!(await bundles.trusted()).includes(head.publicKey)) throw bundleError.signerUnknown(head.publicKey)
    const regionOf = regionsOf(request)
    const caller = request.verified as Caller
    const run: Parameters<typeof startImport<ImportOutcome>>[0] = async (source, signal, report) => {
      const origin = parts.origin()
      const imported = await importBundle({ head, source, regionOf, caller, origin, signal, report }, parts)
      return { ...(await receiptOf(head, imported, parts)), made: imported.made, notes: imported.notes }
    }
    // One at a time, however many are asked for together: each frees what the one before has left.
    for (let former = running; former; former = running) {
      await former.turns.stop()
      if (running === former) running = undefined
    }
    const id = arm.random.uuid()
    running = { id, turns: startImport(run, arm.clock) }
    return { import: id }
  })
  app.post<{ Params: { id: string }; Querystring: { turn?: string; answered?: string } }>(
    '/opengallery/bundle/import/:id',
    { bodyLimit: BODY_BYTES },
    async request => {
      const { params, query } = request
      if (!running || running.id !== params.id) throw bundleError.notRunning()
      const { turns } = running
      return await explained(() =>
        turns.next(Number(query.turn ?? 0), Number(query.answered ?? 0), [...decodeRecords(bodyOf(request))]),
      )
    },
  )
}

const bodyOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0))

const jsonOf = (request: FastifyRequest): Record<string, unknown> => {
  try {
    const value = JSON.parse(bodyOf(request).toString()) as unknown
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>
  } catch {}
  throw bundleError.refused('The request is not a JSON object.')
}

/** Facts of the data plane as refusals: what a stranger's bundle breaks is no fault of ours. */
const explained = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw explain(error)
  }
}

const explain = (error: unknown): unknown => {
  if (error instanceof ArmError) return error
  if (error instanceof BundleRefused) return bundleError.refused(error.message)
  if (error instanceof RegionFull || error instanceof RegionUnreachable)
    return bundleError.regionUnusable(error.message)
  if (error instanceof ChunkMissing) return bundleError.baseMissing()
  if (error instanceof ManifestMissing) return bundleError.imageMissing(error.id)
  if (error instanceof ChunkCorrupt || error instanceof ManifestMalformed)
    return bundleError.refused(`The bundle is refused: ${error.message}`)
  return error
}

const beginExport = async (request: FastifyRequest, parts: BundleParts): Promise<Buffer> => {
  const { arm, bundles, signing, subscriptionId } = parts
  const { only = [], receipt, date } = jsonOf(request)
  if (!Array.isArray(only) || only.length > 1000 || !only.every(path => isPath(path)))
    throw bundleError.refused('What is to be exported is named as GROUP/GALLERY[/DEFINITION[/VERSION]].')
  const installation = await bundles.id()
  const since = sinceOf(receipt, date, installation)
  const caller = request.verified as Caller
  const origin = parts.origin()
  const plan = await planExport({ only, ...(since && { since }) }, arm, { caller, origin, signing, subscriptionId })
  const key = await bundles.key()
  const head: BundleHead = {
    format: 2,
    id: arm.random.uuid(),
    sequence: await bundles.nextSequence(),
    createdAt: arm.clock.now().toISOString(),
    installation,
    publicKey: key.publicKey,
    ...plan,
  }
  return signHead(head, key)
}

const sinceOf = (receipt: unknown, date: unknown, installation: string): Since | undefined => {
  if (receipt !== undefined) {
    const { bundle, versions } = readReceipt(receipt, installation)
    return { receipt: bundle, versions }
  }
  if (date === undefined) return undefined
  const time = new Date(String(date))
  if (Number.isNaN(time.getTime())) throw bundleError.refused(`'${String(date).slice(0, 50)}' is not a date.`)
  return { date: time }
}

const isIdList = (ids: unknown): ids is ChunkId[] =>
  Array.isArray(ids) && ids.length <= MOST_IDS && ids.every(id => typeof id === 'string' && /^[0-9a-f]{64}$/.test(id))

/** As many of the chunks as fit an answer; the others are to be asked for again. */
const chunksOf = async (request: FastifyRequest, { regions }: BundleParts): Promise<Buffer> => {
  const { manifest, ids } = jsonOf(request)
  if (!isIdList(ids) || !isIdList([manifest])) throw bundleError.refused('A chunk is named by 64 digits.')
  const source = await regions.offer(manifest as ManifestId)
  const records: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of source.chunks(ids)) {
      const record = encodeRecord({ kind: (chunk.id as string) === manifest ? 'root' : 'chunk', ...chunk })
      records.push(record)
      bytes += record.length
      if (bytes >= ANSWER_BYTES) break
    }
  } catch (error) {
    if (error instanceof ChunkMissing || error instanceof ChunkCorrupt)
      throw bundleError.imageUnreadable(String(manifest))
    throw error
  }
  return Buffer.concat(records)
}

/** `regions=eastus:westeurope,westus:westeurope` */
const regionsOf = (request: FastifyRequest): ReadonlyMap<string, string> => {
  const { regions = '' } = request.query as { regions?: string }
  const pairs = String(regions).split(',').filter(Boolean)
  return new Map(
    pairs.map((pair): [string, string] => {
      const [from = '', to = ''] = pair.split(':', 2)
      return [from, to]
    }),
  )
}

const receiptOf = async (
  head: BundleHead,
  { versions }: Awaited<ReturnType<typeof importBundle>>,
  { arm, bundles }: BundleParts,
): Promise<SignedReceipt> => {
  const key = await bundles.key()
  return signReceipt(
    {
      format: 1,
      bundle: head.id,
      sequence: head.sequence,
      exporter: head.installation,
      importer: await bundles.id(),
      publicKey: key.publicKey,
      importedAt: arm.clock.now().toISOString(),
      versions,
    },
    key,
  )
}
