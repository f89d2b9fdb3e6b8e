import type { ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { type Envelope, openEnvelope, type PublicImageKey } from '#provenance/envelope.ts'
import { boundBy } from '#provenance/statement.ts'
import { Failure } from '../failure.ts'
import type { RegionImage } from './region-images.ts'

const MAX_STATEMENT = 1_500_000

/**
 * Checks that a region's list of names tells the truth: that the gallery has signed that this version has these bytes. The statement comes
 * from the region, the keys from the reader's own file, so that neither a region's disk nor its process is believed. Returns the id of the key;
 * undefined for what is not signed and was wished all the same.
 */
export const requireSigned = async (
  store: ChunkStore,
  image: RegionImage,
  signers: readonly PublicImageKey[] | undefined,
  takesUnsigned: boolean,
): Promise<string | undefined> => {
  if (!signers) return undefined // a reader's file of before there were signatures
  const envelope = await statementOf(store, image)
  if (!envelope && takesUnsigned) return undefined
  if (!envelope)
    throw new Failure(`The region has no signature for ${image.version}.`, {
      advice: 'Versions that are older than signatures have none: take one with --unsigned.',
    })
  const opened = openEnvelope(envelope, signers)
  const bound = opened && boundBy(opened.payload)
  const { id, uid, slot, manifest } = image
  const isSame = bound && bound.id.toLowerCase() === id && bound.uid === uid && bound.disks[slot] === manifest
  if (isSame) return opened.key.keyid
  throw new Failure(`What the region gives as ${image.version} is not what the gallery has signed.`, {
    advice: 'If the gallery has a new key since, write the reader’s file anew with `opengallery region reader`.',
  })
}

const statementOf = async (store: ChunkStore, { id, uid }: RegionImage): Promise<Envelope | undefined> => {
  for await (const { name, manifest } of store.holds()) {
    if (!name.startsWith(`${id}@${uid}/signed-`)) continue
    const bytes = await store.open(manifest)
    try {
      if (bytes.sizeBytes > MAX_STATEMENT) return undefined
      const text = Buffer.alloc(bytes.sizeBytes)
      await bytes.read(0, text)
      return parse(text.toString())
    } finally {
      await bytes.close()
    }
  }
  return undefined
}

const none: Envelope = { payloadType: 'application/vnd.in-toto+json', payload: '', signatures: [] }

/** What is no envelope is one that nobody has signed. */
const parse = (text: string): Envelope => {
  try {
    return (JSON.parse(text) as Envelope | null) ?? none
  } catch {
    return none
  }
}
