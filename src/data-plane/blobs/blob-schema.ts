/** The endpoint's own tables. JSON columns are small and written whole. */
export interface BlobTables {
  blob_account: { name: string; region: string; key1: string; key2: string }
  blob_container: { account: string; name: string; etag: string; modified_ms: number; metadata: string }
  blob: {
    account: string
    container: string
    name: string
    /** Never used again: draft and holds are named after it. */
    id: string
    kind: 'PageBlob' | 'BlockBlob'
    region: string
    size_bytes: number
    etag: string
    created_ms: number
    modified_ms: number
    metadata: string
    /** Content type and the like, as JSON of response headers. */
    http: string
    sequence: number
    /** A page blob's pages. */
    draft: string | null
    /** The stored bytes and the name that holds them; of a page blob those of its last sealing. */
    manifest: string | null
    hold: string | null
    /** The tag that a page blob had when it was sealed: another one means that pages changed since. */
    sealed_etag: string | null
  }
  /** Blocks that were put and are in no list yet. */
  blob_block: {
    account: string
    container: string
    blob: string
    block: string
    region: string
    size_bytes: number
    manifest: string
    hold: string
    created_ms: number
  }
  /** The committed list of a block blob: ids and sizes in order, as JSON. */
  blob_block_list: { id: string; blocks: string }
  /** Drafts that were begun: what is not `kept` is thrown away at the next start. */
  blob_draft: { id: string; region: string; state: 'arriving' | 'kept' | 'leaving' }
  blob_grant: {
    id: string
    /** Part of the signature: a new one makes older URLs useless. */
    nonce: string
    region: string
    draft: string | null
    manifest: string | null
    access: 'read' | 'write'
    expires_ms: number
    created_ms: number
  }
}

/** Without rowid: lists walk the primary key, which is in the order of names. */
export const blobSchema = [
  `create table if not exists blob_account (
    name text primary key, region text not null, key1 text not null, key2 text not null) strict`,
  `create table if not exists blob_container (
    account text not null, name text not null, etag text not null, modified_ms integer not null, metadata text not null,
    primary key (account, name)) strict, without rowid`,
  `create table if not exists blob (
    account text not null, container text not null, name text not null, id text not null unique, kind text not null,
    region text not null, size_bytes integer not null, etag text not null, created_ms integer not null,
    modified_ms integer not null, metadata text not null, http text not null, sequence integer not null, draft text,
    manifest text, hold text, sealed_etag text, primary key (account, container, name)) strict, without rowid`,
  `create table if not exists blob_block (
    account text not null, container text not null, blob text not null, block text not null, region text not null,
    size_bytes integer not null, manifest text not null, hold text not null, created_ms integer not null,
    primary key (account, container, blob, block)) strict, without rowid`,
  'create table if not exists blob_block_list (id text primary key, blocks text not null) strict',
  'create table if not exists blob_draft (id text primary key, region text not null, state text not null) strict',
  `create table if not exists blob_grant (
    id text primary key, nonce text not null, region text not null, draft text, manifest text, access text not null,
    expires_ms integer not null, created_ms integer not null) strict`,
]
