import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** A place in the log: a record's number, and the hash that stands for it and everything before it. */
export interface ChainPoint {
  readonly sequence: number
  /** 64 hexadecimal digits. */
  readonly hash: string
}

/** A point that the installation's key vouches for. */
export interface SignedPoint extends ChainPoint {
  /** Ed25519, base64. */
  readonly signature: string
}

/** Where every chain begins. */
export const GENESIS: ChainPoint = { sequence: 0, hash: '0'.repeat(64) }

/**
 * What is signed. The `head` says where the log ends, so that records missing at its end are noticed; the `base` where it begins now
 * that older records have been given up, so that the rest can still be checked.
 */
export type PointKind = 'head' | 'base'

/** The point that a record makes of the one before it. `record` is its JSON, byte by byte as it is stored. */
export const nextPoint = (before: ChainPoint, record: string): ChainPoint => {
  const sequence = before.sequence + 1
  return { sequence, hash: createHash('sha256').update(`${before.hash}\n${sequence}\n${record}`).digest('hex') }
}

export const signPoint = (kind: PointKind, { sequence, hash }: ChainPoint, key: KeyObject): SignedPoint => ({
  sequence,
  hash,
  signature: sign(null, signedText(kind, { sequence, hash }), key).toString('base64'),
})

/** `publicKey` is the base64 of an Ed25519 SubjectPublicKeyInfo. */
export const isPointSigned = (kind: PointKind, point: SignedPoint, publicKey: string): boolean => {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return verify(null, signedText(kind, point), key, Buffer.from(point.signature, 'base64'))
  } catch {
    return false // no key at all
  }
}

export const publicKeyOf = (key: KeyObject): string =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')

const signedText = (kind: PointKind, { sequence, hash }: ChainPoint): Buffer =>
  Buffer.from(`opengallery activity log ${kind} 1\n${sequence}\n${hash}\n`)
