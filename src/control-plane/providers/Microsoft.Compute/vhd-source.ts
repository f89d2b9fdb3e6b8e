import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import { isAllowedHost } from '#data-plane/disks/allowed-host.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from './compute-parts.ts'
import { type DiskOrigin, withoutQuery } from './disk-origin.ts'
import { diskError } from './disks/disk-errors.ts'

export interface VhdReference {
  readonly uri: string
  /** Which account the blob is in; required by Azure where it is in none of the caller's subscription, else found by the URI. */
  readonly storageAccountId?: string | undefined
}

/**
 * A VHD that a request names by URI, as the origin of a disk. One in our own storage accounts needs the right to the account's
 * keys, as in Azure, and must lie in the region of what is made of it; one elsewhere must be on a host that the operator allows.
 */
export const findVhd = async (
  arm: Arm,
  { blobs, allowedVhdHosts }: Pick<ComputeParts, 'blobs' | 'allowedVhdHosts'>,
  reference: VhdReference,
  change: Change,
): Promise<DiskOrigin> => {
  const { uri } = reference
  const own = blobs.parse(uri)
  if (own) return await findOwnVhd(arm, blobs, reference, own.account, change)
  const url = URL.parse(uri)
  if (!url?.host) throw diskError.uriInvalid(withoutQuery(uri))
  if (!isAllowedHost(url, allowedVhdHosts)) throw diskError.hostNotAllowed(url.host)
  return { from: 'url', url: uri }
}

const findOwnVhd = async (
  arm: Arm,
  blobs: ComputeParts['blobs'],
  { uri, storageAccountId }: VhdReference,
  accountName: string,
  change: Change,
): Promise<DiskOrigin> => {
  const shown = withoutQuery(uri)
  const given = storageAccountId === undefined ? undefined : ResourceId.parse(storageAccountId)
  if (given && given.name.toLowerCase() !== accountName.toLowerCase() && given.name !== guessOfAz(uri))
    throw diskError.accountMismatch(given.name, shown)
  const account = await findAccount(arm, accountName)
  if (!account) throw diskError.blobNotFound(shown)
  const id = ResourceId.parse(account.id) as ResourceId
  await requireLinked(arm, change, 'Microsoft.Storage/storageAccounts/listKeys/action', id)
  const blob = await blobs.find(uri)
  if (!blob) throw diskError.blobNotFound(shown)
  if (blob.region !== change.wanted.location)
    throw diskError.sourceElsewhere(shown, blob.region, change.wanted.location ?? '')
  return { from: 'blob', manifest: blob.manifest, region: blob.region, uri: shown }
}

/** az makes up the account's id of the URI's first label, which is no account where accounts stand in the path (custom.py). */
const guessOfAz = (uri: string): string => uri.split('.')[0]?.split('/').at(-1) ?? ''

/** Account names are unique in the whole of Azure, and here. */
const findAccount = async (arm: Arm, name: string): Promise<ResourceDocument | undefined> => {
  for await (const account of eachDocument(arm.resources, { type: 'Microsoft.Storage/storageAccounts' }))
    if (account.name.toLowerCase() === name.toLowerCase()) return account
  return undefined
}
