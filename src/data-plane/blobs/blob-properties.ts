import { type BlobRequest, headerOf } from './blob-request.ts'
import type { BlobRow } from './blob-table.ts'
import { stampHeaders } from './etags.ts'
import type { Described } from './send-range.ts'
import { storageError } from './storage-error.ts'

/** Request headers that set properties, and the response headers that carry them. */
const settable = {
  'x-ms-blob-content-type': 'content-type',
  'x-ms-blob-content-encoding': 'content-encoding',
  'x-ms-blob-content-language': 'content-language',
  'x-ms-blob-content-md5': 'content-md5',
  'x-ms-blob-cache-control': 'cache-control',
  'x-ms-blob-content-disposition': 'content-disposition',
} as const

/** Properties from `x-ms-blob-content-*`; at Put Blob the plain headers serve where those are missing. */
export const httpProperties = (request: BlobRequest, fromPlain: boolean): Record<string, string> => {
  const properties: Record<string, string> = {}
  for (const [header, name] of Object.entries(settable)) {
    const plain = fromPlain && name !== 'content-md5' ? headerOf(request, name) : undefined
    const value = headerOf(request, header) ?? plain
    if (value) properties[name] = value
  }
  const md5 = properties['content-md5']
  if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5)) throw storageError.invalidMd5()
  return properties
}

/** Whether a request sets any of them. */
export const setsHttpProperties = (request: BlobRequest): boolean =>
  Object.keys(settable).some(header => headerOf(request, header) !== undefined)

const maxMetadataBytes = 8 * 1024
/** A metadata name must be a C# identifier, which also keeps it a valid XML element. */
const metadataName = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/

/**
 * The `x-ms-meta-` headers. HTTP ignores the case of a name, Azure keeps it (lists show it), and two names that differ only by case are
 * one name twice.
 */
export const metadataOf = (request: BlobRequest): Record<string, string> => {
  const metadata: [string, string][] = []
  let size = 0
  const seen = new Set<string>()
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const [header = '', value = ''] = request.rawHeaders.slice(i, i + 2)
    if (!/^x-ms-meta-/i.test(header)) continue
    const name = header.slice('x-ms-meta-'.length)
    if (!metadataName.test(name) || seen.has(name.toLowerCase())) throw storageError.invalidMetadata()
    seen.add(name.toLowerCase())
    size += name.length + value.length
    metadata.push([name, value.trim()])
  }
  if (size > maxMetadataBytes) throw storageError.metadataTooLarge()
  return Object.fromEntries(metadata) // a C# identifier may well be __proto__
}

/** Metadata on its way back, in the case that it came in. */
export const metadataHeaders = (json: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(JSON.parse(json) as Record<string, string>).map(([name, value]) => [`x-ms-meta-${name}`, value]),
  )

/** Of every blob: leases don't exist here, and bytes lie as they came. */
export const fixedHeaders = {
  'accept-ranges': 'bytes',
  'x-ms-lease-status': 'unlocked',
  'x-ms-lease-state': 'available',
  'x-ms-server-encrypted': 'false',
} as const

/** The headers that Get Blob and Get Blob Properties have in common. */
export const describeBlob = (row: BlobRow): Described => {
  const { 'content-md5': md5, ...http } = JSON.parse(row.http) as Record<string, string>
  const headers: Record<string, string> = {
    'content-type': 'application/octet-stream',
    ...http,
    ...fixedHeaders,
    ...stampHeaders({ etag: row.etag, modifiedMs: row.modified_ms }),
    ...metadataHeaders(row.metadata),
    'x-ms-blob-type': row.kind,
    'x-ms-creation-time': new Date(row.created_ms).toUTCString(),
  }
  if (row.kind === 'PageBlob') headers['x-ms-blob-sequence-number'] = String(row.sequence)
  return { headers, md5 }
}
