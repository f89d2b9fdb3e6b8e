import type { Need } from './access.ts'
import { getAccountSettings, listContainers } from './account-verbs.ts'
import type { BlobRequest } from './blob-request.ts'
import {
  deleteBlob,
  getBlob,
  getBlobMetadata,
  getBlobProperties,
  setBlobMetadata,
  setBlobProperties,
} from './blob-verbs.ts'
import { getBlockList, putBlock, putBlockList } from './block-blob.ts'
import { createContainer, deleteContainer, getContainer, setContainerMetadata } from './container-verbs.ts'
import type { Verb } from './endpoint.ts'
import { listBlobs } from './list-blobs.ts'
import { getPageRanges, putPage } from './page-blob.ts'
import { putBlob } from './put-blob.ts'
import { storageError } from './storage-error.ts'

/** What an operation does, and what a signed URL must allow for it. */
export interface Operation {
  readonly need: Need
  readonly run: Verb
}

const service = (letters: string, run: Verb): Operation => ({ need: { letters, type: 's', service: 'never' }, run })
const container = (letters: string, run: Verb): Operation => ({
  need: { letters, type: 'c', service: 'never' },
  run,
})
const contents = (letters: string, run: Verb): Operation => ({
  need: { letters, type: 'c', service: 'container' },
  run,
})
const blob = (letters: string, run: Verb): Operation => ({ need: { letters, type: 'o', service: 'blob' }, run })

/** Every operation there is, by verb, level, and what the query says; the letters are those that a signed URL must have one of. */
const operations: Readonly<Record<string, Operation>> = {
  'GET service comp=list': service('l', listContainers),
  'GET service restype=service&comp=properties': service('r', getAccountSettings),

  'PUT container restype=container': container('cw', createContainer),
  'GET container restype=container': container('r', getContainer),
  'HEAD container restype=container': container('r', getContainer),
  'DELETE container restype=container': container('d', deleteContainer),
  'GET container restype=container&comp=metadata': container('r', getContainer),
  'HEAD container restype=container&comp=metadata': container('r', getContainer),
  'PUT container restype=container&comp=metadata': container('w', setContainerMetadata),
  'GET container restype=container&comp=list': contents('l', listBlobs),

  'GET blob': blob('r', getBlob),
  'HEAD blob': blob('r', getBlobProperties),
  'PUT blob': blob('cw', putBlob),
  'DELETE blob': blob('d', deleteBlob),
  'GET blob comp=metadata': blob('r', getBlobMetadata),
  'HEAD blob comp=metadata': blob('r', getBlobMetadata),
  'PUT blob comp=metadata': blob('w', setBlobMetadata),
  'PUT blob comp=properties': blob('w', setBlobProperties),
  'PUT blob comp=block': blob('cw', putBlock),
  'PUT blob comp=blocklist': blob('cw', putBlockList),
  'GET blob comp=blocklist': blob('r', getBlockList),
  'PUT blob comp=page': blob('w', putPage),
  'GET blob comp=pagelist': blob('r', getPageRanges),
}

const levelOf = (request: BlobRequest): string =>
  request.container === undefined ? 'service' : request.blob === undefined ? 'container' : 'blob'

/** The operation that a request means. */
export const operationOf = (request: BlobRequest): Operation => {
  if (!['GET', 'HEAD', 'PUT', 'DELETE'].includes(request.method)) throw storageError.unsupportedVerb()
  const said = ['restype', 'comp'].flatMap(name => {
    const value = request.query.get(name)
    return value === undefined ? [] : [`${name}=${value.toLowerCase()}`]
  })
  const found = operations[[request.method, levelOf(request), said.join('&')].join(' ').trim()]
  if (!found) throw storageError.notImplemented()
  return found
}
