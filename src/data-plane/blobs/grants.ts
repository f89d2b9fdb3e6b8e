import { createHash } from 'node:crypto'
import type { Draft, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { asFixedVhd } from '#data-plane/disks/fixed-vhd.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { fixedHeaders } from './blob-properties.ts'
import type { BlobRequest, Reply } from './blob-request.ts'
import type { BlobTables } from './blob-schema.ts'
import type { GrantTarget } from './blobs.ts'
import { requireConditions } from './conditions.ts'
import type { Endpoint } from './endpoint.ts'
import { type Stamp, stampHeaders } from './etags.ts'
import { type PageWrite, readPageWrite, sendPageRanges } from './page-blob.ts'
import { sendRange } from './send-range.ts'
import { isSigned, sign } from './shared-key.ts'
import { storageError } from './storage-error.ts'

type GrantRow = BlobTables['blob_grant']

const version = '2018-03-28' // what Azure's own disk URLs carry
const path = 'disk/abcd'

/** Whether a request is for a disk and not for a storage account: no account can have a hyphen in its name. */
export const isGrantName = (account: string): boolean => account.startsWith('md-')

/** The first part of a disk's URL; ids that can't stand in a URL are hashed. */
const grantName = (id: string): string =>
  /^[a-z0-9-]{1,100}$/.test(id) ? `md-${id}` : `md-${createHash('sha256').update(id).digest('hex').slice(0, 40)}`

/** A service SAS whose terms lie in the policy that `si` names: that is the row, so that deleting it revokes the URL. */
const signedText = (name: string, nonce: string): string =>
  ['', '', '', `/blob/${name}/${path}`, nonce, '', 'https', version, '', '', '', '', ''].join('\n')

/** What a grant opens: an image of a size, to be read, and perhaps written. */
interface Opened {
  readonly sizeBytes: number
  readonly draft: Draft | undefined
  bytes(): Promise<SparseBytes>
}

/** Signed URLs for disks, and the page blobs that they lead to. */
export const diskGrants = (endpoint: Endpoint, signingKey: Buffer) => {
  const { table, regions, lock, clock, random } = endpoint
  /** Page writes change the tag, but only for as long as this process remembers: after a restart every tag is a new one. */
  const stamps = new Map<string, Stamp>()
  const readers = new Map<string, AbortController>()

  const open = async ({ region, draft: id, manifest }: GrantRow): Promise<Opened> => {
    if (id !== null) {
      const draft = await regions.findDraft(region, id)
      if (!draft) throw storageError.blobNotFound()
      return { sizeBytes: draft.sizeBytes, draft, bytes: async () => draft.bytes() }
    }
    const image = asFixedVhd(await regions.open(region, manifest as ManifestId))
    return { sizeBytes: image.sizeBytes, draft: undefined, bytes: async () => image }
  }

  const require = async (request: BlobRequest): Promise<GrantRow> => {
    const { account, container, blob, query } = request
    const row = await table.grant(account)
    const nonce = query.get('si') ?? ''
    const text = signedText(account, nonce)
    const asSigned = query.get('sv') === version && query.get('sr') === 'b' && query.get('spr') === 'https'
    if (!asSigned || !isSigned(text, query.get('sig') ?? '', [signingKey])) throw storageError.authenticationFailed()
    if (!row || row.nonce !== nonce || `${container}/${blob}` !== path) throw storageError.authenticationFailed()
    if (row.expires_ms <= clock.now().getTime())
      throw storageError.authenticationFailed('Signature not valid in the specified time frame.')
    return row
  }

  const stampOf = (row: GrantRow): Stamp => {
    const stamp = stamps.get(row.id) ?? endpoint.stamp()
    stamps.set(row.id, stamp)
    return stamp
  }
  const signalOf = (id: string): AbortSignal => {
    const controller = readers.get(id) ?? new AbortController()
    readers.set(id, controller)
    return controller.signal
  }

  const read = async (request: BlobRequest, row: GrantRow): Promise<Reply> => {
    const opened = await open(row)
    let taken = false
    const bytes = () => {
      taken = true
      return opened.bytes()
    }
    try {
      const stamp = stampOf(row)
      requireConditions(request, stamp)
      if (request.method === 'GET' && request.query.get('comp') === 'pagelist')
        return { ...(await sendPageRanges(request, stamp, opened.sizeBytes, bytes)), signal: signalOf(row.id) }
      const headers = {
        ...fixedHeaders,
        ...stampHeaders(stamp),
        'content-type': 'application/octet-stream',
        'x-ms-blob-type': 'PageBlob',
        'x-ms-blob-sequence-number': '0',
        'x-ms-creation-time': new Date(row.created_ms).toUTCString(),
      }
      if (request.method === 'HEAD')
        return { status: 200, headers: { ...headers, 'content-length': String(opened.sizeBytes) } }
      return { ...(await sendRange(request, { headers }, opened.sizeBytes, bytes)), signal: signalOf(row.id) }
    } finally {
      if (!taken) await (await opened.bytes()).close()
    }
  }

  const write = async (request: BlobRequest, row: GrantRow): Promise<Reply> => {
    if (row.access !== 'write') throw storageError.permissionMismatch()
    const { draft, sizeBytes } = await open(row)
    if (!draft) throw storageError.permissionMismatch()
    return await endpoint.bytes.inMemory(async () => {
      const pages = await readPageWrite(request, sizeBytes)
      return await lock.shared(row.id, () => apply(request, row, draft, pages))
    })
  }
  const apply = async (request: BlobRequest, row: GrantRow, draft: Draft, pages: PageWrite): Promise<Reply> => {
    await require(request) // it may have been revoked while the body arrived
    requireConditions(request, stampOf(row))
    await pages.apply(draft)
    const stamp = endpoint.stamp()
    stamps.set(row.id, stamp)
    const headers = { ...stampHeaders(stamp), ...pages.headers, 'x-ms-blob-sequence-number': '0' }
    return { status: 201, headers: { ...headers, 'x-ms-request-server-encrypted': 'false' } }
  }

  return {
    async answer(request: BlobRequest): Promise<Reply> {
      const row = await require(request)
      const operation = [request.method, request.query.get('comp')].filter(Boolean).join(' ')
      if (request.query.has('restype')) throw storageError.permissionMismatch()
      if (operation === 'PUT page') return await write(request, row)
      if (['GET', 'HEAD', 'GET pagelist'].includes(operation)) return await read(request, row)
      throw storageError.permissionMismatch()
    },

    /**
     * The same target and access keep their URL, with a new time of expiry, while it is good; anything else makes older URLs useless,
     * and one whose time is over never comes back.
     */
    async grant(id: string, target: GrantTarget, access: 'read' | 'write', expires: Date): Promise<string> {
      const name = grantName(id)
      const old = await table.grant(name)
      const draft = 'draft' in target ? target.draft : null
      const manifest = 'manifest' in target ? target.manifest : null
      const isSameTarget =
        old?.region === target.region && old.draft === draft && old.manifest === manifest && old.access === access
      const same = isSameTarget && old.expires_ms > clock.now().getTime()
      const nonce = same ? old.nonce : random.uuid()
      await table.keepGrant({
        id: name,
        nonce,
        region: target.region,
        draft,
        manifest,
        access,
        expires_ms: expires.getTime(),
        created_ms: same ? old.created_ms : clock.now().getTime(),
      })
      const signature = encodeURIComponent(sign(signedText(name, nonce), signingKey))
      return `${endpoint.url(name)}${path}?sv=${version}&sr=b&si=${nonce}&spr=https&sig=${signature}`
    },

    /** Writes under way end first; reads are cut off. */
    async revoke(id: string): Promise<void> {
      const name = grantName(id)
      await table.removeGrant(name)
      await lock.exclusive(name, async () => {})
      readers.get(name)?.abort()
      readers.delete(name)
      stamps.delete(name)
    },
  }
}
export type DiskGrants = ReturnType<typeof diskGrants>
