import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** A signed statement as DSSE has it: tools that read in-toto attestations read and check it. */
export interface Envelope {
  readonly payloadType: typeof PAYLOAD_TYPE
  /** The statement's JSON, exactly as it was signed, in base64. */
  readonly payload: string
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

/** A key's public half: 32 bytes in base64, named by the SHA-256 of what X.509 would hold of it. */
export interface PublicImageKey {
  readonly keyid: string
  readonly publicKey: string
}

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
const MAX_PAYLOAD = 1_000_000
// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex')

/** The bytes that are signed: DSSE's pre-authentication encoding, so that no payload passes for one of another type. */
export const signedBytes = (payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload])

export const publicHalf = (key: KeyObject): { readonly spki: Buffer; readonly publicKey: string } => {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return { spki, publicKey: spki.subarray(spkiHead.length).toString('base64') }
}

const keyOf = ({ publicKey }: PublicImageKey): KeyObject =>
  createPublicKey({ key: Buffer.concat([spkiHead, Buffer.from(publicKey, 'base64')]), format: 'der', type: 'spki' })

/**
 * The payload of an envelope and the key that signed it, if one of `keys` did; `undefined` for everything else, however it is broken.
 * One good signature is enough.
 */
export const openEnvelope = (
  envelope: Envelope,
  keys: readonly PublicImageKey[],
): { readonly payload: Buffer; readonly key: PublicImageKey } | undefined => {
  if (envelope?.payloadType !== PAYLOAD_TYPE || typeof envelope.payload !== 'string') return undefined
  if (envelope.payload.length > MAX_PAYLOAD || !Array.isArray(envelope.signatures)) return undefined
  const payload = Buffer.from(envelope.payload, 'base64')
  for (const key of keys)
    if (envelope.signatures.some(one => one?.keyid === key.keyid && isGood(payload, String(one.sig), key)))
      return { payload, key }
  return undefined
}

const isGood = (payload: Buffer, sig: string, key: PublicImageKey): boolean => {
  try {
    return verify(null, signedBytes(payload), keyOf(key), Buffer.from(sig, 'base64'))
  } catch {
    return false // 32 bytes that are no key
  }
}
