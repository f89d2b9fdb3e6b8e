import { element } from '#data-plane/xml/write-xml.ts'
import type { ContainerRow } from './blob-table.ts'
import type { Verb } from './endpoint.ts'
import { metadataElement } from './list-blobs.ts'
import { nextMarker, pageOf } from './listing.ts'
import { xmlDocument } from './xml.ts'

const containerElement = (row: ContainerRow, withMetadata: boolean): string =>
  element('Container', [
    element('Name', row.name),
    element('Properties', [
      element('Last-Modified', new Date(row.modified_ms).toUTCString()),
      element('Etag', `"${row.etag}"`),
      element('LeaseStatus', 'unlocked'),
      element('LeaseState', 'available'),
      element('HasImmutabilityPolicy', 'false'),
      element('HasLegalHold', 'false'),
    ]),
    ...(withMetadata ? [metadataElement(row.metadata)] : []),
  ])

/** List Containers, in order of name. Continuation marks and limits as in List Blobs. */
export const listContainers: Verb = async (endpoint, request) => {
  const page = pageOf(request)
  const query = endpoint.table.tables
    .selectFrom('blob_container')
    .selectAll()
    .where('account', '=', request.account)
    .where('name', '>', page.after)
    .where('name', '>=', page.prefix)
    .where('name', '<', `${page.prefix}\u{10FFFF}`)
    .orderBy('name')
    .limit(page.max + 1)
  const rows = await query.execute()
  const shown = rows.slice(0, page.max)
  const parts = [
    element('Prefix', page.prefix),
    element('MaxResults', page.max),
    element(
      'Containers',
      shown.map(row => containerElement(row, page.include.has('metadata'))),
    ),
    nextMarker(rows.length > shown.length ? shown.at(-1)?.name : undefined),
  ]
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument(element('EnumerationResults', parts, { ServiceEndpoint: endpoint.url(request.account) })),
  }
}

/** Get Blob Service Properties: what is switched off here, said in the service's words. */
export const getAccountSettings: Verb = async () => {
  const retention = element('RetentionPolicy', [element('Enabled', 'false')])
  const off = [element('Version', '1.0'), element('Enabled', 'false'), retention]
  const logging = ['Delete', 'Read', 'Write'].map(name => element(name, 'false'))
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument(
      element('StorageServiceProperties', [
        element('Logging', [element('Version', '1.0'), ...logging, retention]),
        element('HourMetrics', off),
        element('MinuteMetrics', off),
        element('Cors', ''),
        element('DeleteRetentionPolicy', [element('Enabled', 'false')]),
        element('StaticWebsite', [element('Enabled', 'false')]),
      ]),
    ),
  }
}
