import { element } from '#data-plane/xml/write-xml.ts'
import type { BlobRow } from './blob-table.ts'
import type { Verb } from './endpoint.ts'
import { listPage, nextMarker, pageOf } from './listing.ts'
import { storageError } from './storage-error.ts'
import { nameElement, xmlDocument } from './xml.ts'

/** Properties in the list, under the names that headers have, but for the type's own. */
const listed: Readonly<Record<string, string>> = {
  'content-type': 'Content-Type',
  'content-encoding': 'Content-Encoding',
  'content-language': 'Content-Language',
  'content-md5': 'Content-MD5',
  'cache-control': 'Cache-Control',
  'content-disposition': 'Content-Disposition',
}

const blobElement = (row: BlobRow, withMetadata: boolean): string => {
  const http = { 'content-type': 'application/octet-stream', ...(JSON.parse(row.http) as Record<string, string>) }
  const properties = [
    element('Creation-Time', new Date(row.created_ms).toUTCString()),
    element('Last-Modified', new Date(row.modified_ms).toUTCString()),
    element('Etag', row.etag),
    element('Content-Length', row.size_bytes),
    ...Object.entries(http).map(([name, value]) => element(listed[name] ?? name, value)),
    ...(row.kind === 'PageBlob' ? [element('x-ms-blob-sequence-number', row.sequence)] : []),
    element('BlobType', row.kind),
    element('LeaseStatus', 'unlocked'),
    element('LeaseState', 'available'),
    element('ServerEncrypted', 'false'),
  ]
  return element('Blob', [
    nameElement(row.name),
    element('Properties', properties),
    ...(withMetadata ? [metadataElement(row.metadata)] : []),
  ])
}

/** Names of metadata are identifiers, so that they can be names of elements. */
export const metadataElement = (json: string): string =>
  element(
    'Metadata',
    Object.entries(JSON.parse(json) as Record<string, string>).map(([name, value]) => element(name, value)),
  )

/** List Blobs, flat or with a delimiter. Snapshots, versions and deleted blobs may be asked for: there are none. */
export const listBlobs: Verb = async (endpoint, request) => {
  const { account, container = '' } = request
  if (!(await endpoint.table.container(account, container))) throw storageError.containerNotFound()
  const page = pageOf(request)
  if (page.include.has('uncommittedblobs')) throw storageError.invalidQuery('include')
  const delimiter = request.query.get('delimiter') ?? ''
  const { items, next } = await listPage(endpoint.table, account, container, page, delimiter)
  const blobs = items.map(item =>
    'blob' in item
      ? blobElement(item.blob, page.include.has('metadata'))
      : element('BlobPrefix', [nameElement(item.prefix)]),
  )
  const echoed = (name: string, query: string) => {
    const value = request.query.get(query)
    return value ? [element(name, value)] : []
  }
  const parts = [
    ...echoed('Prefix', 'prefix'),
    ...echoed('Marker', 'marker'),
    ...echoed('MaxResults', 'maxresults'),
    ...echoed('Delimiter', 'delimiter'),
    element('Blobs', blobs),
    nextMarker(next),
  ]
  const attributes = { ServiceEndpoint: endpoint.url(account), ContainerName: container }
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument(element('EnumerationResults', parts, attributes)),
  }
}
