import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'

/** A storage account as the data endpoint knows it. Keys are base64 of 64 random bytes, as Azure's are. */
export interface BlobAccount {
  readonly name: string
  readonly region: string
  readonly keys: readonly [string, string]
}

/** What a disk's signed URL leads to: an upload's draft (page blob, writable) or a stored manifest (read as a fixed VHD). */
export type GrantTarget =
  | { readonly region: string; readonly draft: string }
  | { readonly region: string; readonly manifest: ManifestId }

/** A blob that exists, as an image source. */
export interface FoundBlob {
  readonly region: string
  /** The stored bytes, held by the blob until it is deleted or overwritten. */
  readonly manifest: ManifestId
  readonly sizeBytes: number
  readonly kind: 'PageBlob' | 'BlockBlob'
}

/** Named byte streams in the regions' stores, served over the Blob REST API on a port of their own. */
export interface Blobs {
  /** Where clients reach the account, with a trailing slash: `https://127.0.0.1:9444/acct/`. */
  endpoint(account: string): string
  /** Makes or updates (new keys) an account. Repeatable. */
  keepAccount(account: BlobAccount): Promise<void>
  /** Gives an account other keys; one that is not there stays away. Repeatable. */
  changeKeys(account: BlobAccount): Promise<void>
  /** Removes an account with all its blobs. Repeatable. */
  removeAccount(name: string): Promise<void>
  /** The blob behind one of our own URLs (query string and signature are ignored: the caller has checked the right to read). */
  find(url: string): Promise<FoundBlob | undefined>
  /** Which account and blob one of our own URLs names; `undefined` for a foreign URL. */
  parse(url: string): { account: string; container: string; blob: string } | undefined
  /** Signs a URL for a disk, valid until `expires` or until revoked. */
  grant(id: string, target: GrantTarget, access: 'read' | 'write', expires: Date): Promise<string>
  /** Makes the URL of a grant useless at once, after the requests under way have ended. Repeatable. */
  revoke(id: string): Promise<void>
  close(): Promise<void>
}
