import { headerOf } from './blob-request.ts'
import { putBlockBlob } from './block-blob.ts'
import type { Verb } from './endpoint.ts'
import { createPageBlob } from './page-blob.ts'
import { storageError } from './storage-error.ts'

/** Put Blob: the type decides what is made. */
export const putBlob: Verb = async (endpoint, request, access) => {
  const type = headerOf(request, 'x-ms-blob-type')
  if (type === 'BlockBlob') return await putBlockBlob(endpoint, request, access)
  if (type === 'PageBlob') return await createPageBlob(endpoint, request, access)
  if (type === 'AppendBlob') throw storageError.notImplemented('Append blobs are not supported.')
  if (type === undefined) throw storageError.missingHeader('x-ms-blob-type')
  throw storageError.invalidHeader('x-ms-blob-type')
}
