import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { MAX_IMAGE_BYTES } from '#data-plane/chunks/manifest.ts'
import { BundleRefused, MAX_HEAD_BYTES, refuseUnless } from './bundle-record.ts'
import { type BundleKey, isPublicKey, isSignedBy, SIGNATURE_BYTES } from './signing.ts'

/** An image in a bundle: its manifest, and how large it is. */
export interface BundledImage {
  readonly manifest: ManifestId
  readonly sizeBytes: number
}

/**
 * What a bundle says of itself. `content` belongs to whoever makes bundles and is not looked at here; whatever it refers to is
 * listed in `images`. Since a manifest's id covers every byte below it, the signature of the head covers the whole content.
 */
export interface BundleHead {
  /** 2: chunks may be several frames. They were one in 1, whose reader knows no more. */
  readonly format: 1 | 2
  readonly id: string
  /** Counts the bundles of the installation. */
  readonly sequence: number
  readonly createdAt: string
  /** The installation that made it, and its public key. */
  readonly installation: string
  readonly publicKey: string
  readonly images: readonly BundledImage[]
  /** Images that the receiver is known to have: their chunks are left out. */
  readonly base: readonly ManifestId[]
  readonly content: unknown
}

const MOST_IMAGES = 100_000
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most

export const isManifestId = (value: unknown): value is ManifestId =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The payload of a head record: the signature, and the JSON that it is of. */
export const signHead = (head: BundleHead, key: BundleKey): Buffer => {
  const json = Buffer.from(JSON.stringify(head))
  refuseUnless(json.length + SIGNATURE_BYTES <= MAX_HEAD_BYTES, 'it would name too many resources; choose fewer')
  return Buffer.concat([key.sign('head', json), json])
}

/** Reads the payload of a head record. Throws `BundleRefused` unless it is signed by the key that it names. */
export const readHead = (payload: Uint8Array): BundleHead => {
  refuseUnless(payload.length > SIGNATURE_BYTES && payload.length <= MAX_HEAD_BYTES, 'size of the head')
  const json = payload.subarray(SIGNATURE_BYTES)
  const head = parsed(json)
  refuseUnless(head !== null && typeof head === 'object', 'the head is not an object')
  refuseUnless(head.format === 1 || head.format === 2, 'its format is of a later version')
  refuseUnless(isPublicKey(head.publicKey), 'it names no key')
  const signature = payload.subarray(0, SIGNATURE_BYTES)
  refuseUnless(isSignedBy(head.publicKey, 'head', json, signature), 'its signature is wrong')
  refuseUnless(isText(head.id, 36) && uuid.test(head.id), 'id of the bundle')
  refuseUnless(isText(head.installation, 36) && uuid.test(head.installation), 'id of the installation')
  refuseUnless(isText(head.createdAt, 40), 'date of the bundle')
  refuseUnless(Number.isSafeInteger(head.sequence) && head.sequence > 0, 'number of the bundle')
  refuseUnless(Array.isArray(head.images) && head.images.length <= MOST_IMAGES, 'number of images')
  refuseUnless(head.images.every(isImage), 'an image of the bundle')
  refuseUnless(Array.isArray(head.base) && head.base.length <= MOST_IMAGES, 'what it builds on')
  refuseUnless(head.base.every(isManifestId), 'what it builds on')
  return head
}

const parsed = (json: Uint8Array): BundleHead => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) as BundleHead
  } catch (cause) {
    throw new BundleRefused('The bundle is refused: its head is not JSON.', { cause })
  }
}

const isImage = (image: BundledImage | null): boolean =>
  image !== null &&
  typeof image === 'object' &&
  isManifestId(image.manifest) &&
  Number.isSafeInteger(image.sizeBytes) &&
  image.sizeBytes > 0 &&
  image.sizeBytes <= MAX_IMAGE_BYTES
