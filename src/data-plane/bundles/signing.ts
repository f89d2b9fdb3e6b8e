import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'

/** What a signature is made for: one made for a head says nothing of a receipt. */
export type SignedThing = 'head' | 'end' | 'receipt'

/** An installation's Ed25519 key. */
export interface BundleKey {
  /** The public half: 32 bytes in base64. */
  readonly publicKey: string
  sign(thing: SignedThing, bytes: Uint8Array): Buffer
}

export const SIGNATURE_BYTES = 64
// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex')

const messageOf = (thing: SignedThing, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`opengallery bundle ${thing} 1\n`), bytes])

/** Whether the text is a public key as bundles name it. */
export const isPublicKey = (text: unknown): text is string =>
  typeof text === 'string' && /^[A-Za-z0-9+/]{43}=$/.test(text)

export const isSignedBy = (
  publicKey: string,
  thing: SignedThing,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean => {
  try {
    const der = Buffer.concat([spkiHead, Buffer.from(publicKey, 'base64')])
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    return verify(null, messageOf(thing, bytes), key, signature)
  } catch {
    return false // 32 bytes that are no key
  }
}

const keyOf = (privateKey: KeyObject): BundleKey => {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: spki.subarray(spkiHead.length).toString('base64'),
    sign: (thing, bytes) => sign(null, messageOf(thing, bytes), privateKey),
  }
}

/** The key in a file that only its owner can read, made when it is first wanted. */
export const openBundleKey = async (files: Files, file: string): Promise<BundleKey> => {
  if (await files.exists(file)) return keyOf(createPrivateKey(await readWhole(files, file)))
  const { privateKey } = generateKeyPairSync('ed25519')
  await replaceFile(files, file, Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' })))
  return keyOf(privateKey)
}
