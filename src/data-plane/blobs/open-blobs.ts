import type { AddressInfo } from 'node:net'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { blobBytes } from './blob-bytes.ts'
import { keyedLock } from './blob-lock.ts'
import { parseTarget } from './blob-request.ts'
import { blobServer, closeServer } from './blob-server.ts'
import { type BlobKey, type BlobRow, openBlobTable } from './blob-table.ts'
import type { Blobs, FoundBlob } from './blobs.ts'
import { type Endpoint, lockKey } from './endpoint.ts'
import { etags } from './etags.ts'
import { diskGrants, isGrantName } from './grants.ts'

/** What the endpoint stands on. It closes none of it. */
export interface BlobParts {
  readonly regions: Regions
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The address to listen on, which also stands in URLs unless `publicHost` says otherwise. */
  readonly host: string
  readonly publicHost?: string
  /** 0 takes a free one. */
  readonly port: number
  readonly tls: { readonly key: string; readonly cert: string }
  /** Signs disks' URLs; the same at every start, or they all become useless. */
  readonly signingKey: Buffer
}

/** The endpoint while it listens. */
export interface OpenBlobs extends Blobs {
  readonly port: number
  /** Every hold that a blob stands on; their names satisfy `isBlobHold`. */
  promises(): AsyncIterable<HoldPromise>
  /** Gives up blocks that no list has named in a week. Run it now and then; the start does, too. */
  dropOldBlocks(): Promise<void>
  /** From now on new connections get this certificate. */
  useCertificate(tls: { readonly key: string; readonly cert: string }): void
}

const closeGraceMs = 10_000
const uncommittedLifeMs = 7 * 24 * 3_600_000 // Azure's: a block that no list names in a week is dropped

/** Starts the blob endpoint: cleans up after a crash, then listens. */
export const openBlobs = async (parts: BlobParts): Promise<OpenBlobs> => {
  const { regions, database, clock, random, log } = parts
  const table = await openBlobTable(database)
  const bytes = blobBytes({ regions, table, random, log })
  const dropOldBlocks = async () => bytes.free(await table.removeOldBlocks(clock.now().getTime() - uncommittedLifeMs))
  await dropOldBlocks()
  await bytes.tidy()

  let port = parts.port
  const host = parts.publicHost ?? parts.host
  const origin = () => `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const endpoint: Endpoint = {
    regions,
    table,
    bytes,
    lock: keyedLock(),
    stamp: etags(clock),
    clock,
    random,
    log,
    url: account => `${origin()}/${account}/`,
  }
  const grants = diskGrants(endpoint, parts.signingKey)
  const server = blobServer(parts.tls, endpoint, grants)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, parts.host, () => resolve())
  })
  port = (server.address() as AddressInfo).port

  const parse = (url: string) => {
    if (!URL.canParse(url) || new URL(url).origin !== new URL(origin()).origin) return undefined
    try {
      const { account, container, blob } = parseTarget(new URL(url).pathname)
      if (!container || !blob || isGrantName(account)) return undefined
      return { account, container, blob }
    } catch {
      return undefined
    }
  }

  return {
    port,
    endpoint: endpoint.url,
    parse,
    keepAccount: async account => {
      const old = await table.account(account.name)
      invariant(!old || old.region === account.region, 'A storage account never changes its region.')
      invariant(!isGrantName(account.name), 'Names with a hyphen are for disks.')
      await table.keepAccount(account)
    },
    changeKeys: table.changeKeys,
    removeAccount: async name => bytes.free(await table.removeContainers(name)),
    find: async url => {
      const named = parse(url)
      return named && (await findBlob(endpoint, { ...named, name: named.blob }))
    },
    grant: grants.grant,
    revoke: grants.revoke,
    promises: () => bytes.promises(),
    dropOldBlocks,
    useCertificate: tls => server.setSecureContext(tls),
    close: () => closeServer(server, endpoint, closeGraceMs),
  }
}

/** A blob as a manifest; a page blob's pages are sealed when they changed since the last time. */
const findBlob = async (endpoint: Endpoint, key: BlobKey): Promise<FoundBlob | undefined> =>
  await endpoint.lock.exclusive(lockKey(key), async () => {
    const row = await endpoint.table.blob(key)
    if (!row) return undefined
    const isSealed = row.kind === 'BlockBlob' || row.sealed_etag === row.etag
    const manifest = isSealed ? (row.manifest as ManifestId) : await seal(endpoint, row)
    return { region: row.region, manifest, sizeBytes: row.size_bytes, kind: row.kind }
  })

const seal = async (endpoint: Endpoint, row: BlobRow): Promise<ManifestId> => {
  const hold = endpoint.bytes.newHold()
  const { manifest } = await (await endpoint.bytes.draftOf(row)).seal(hold)
  await endpoint.table.updateBlob(row.id, { manifest, hold, sealed_etag: row.etag })
  // The bytes found before stay held under their own name until now only: whoever builds on them holds them by itself.
  if (row.hold !== null) await endpoint.regions.release(row.region, row.hold)
  return manifest
}
