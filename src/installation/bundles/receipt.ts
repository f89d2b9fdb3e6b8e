import { BundleRefused, refuseUnless } from '#data-plane/bundles/bundle-record.ts'
import { type BundleKey, isPublicKey, isSignedBy } from '#data-plane/bundles/signing.ts'
import { isVersionRef, type VersionRef } from './bundle-content.ts'

/** What an installation says that it has, once it has imported a bundle. */
export interface Receipt {
  readonly format: 1
  /** The bundle's: one bundle, one receipt. */
  readonly bundle: string
  readonly sequence: number
  /** Who made the bundle, and who imported it. */
  readonly exporter: string
  readonly importer: string
  readonly publicKey: string
  readonly importedAt: string
  /** The bundle's versions, and those of earlier ones that it was built on and that are still here. */
  readonly versions: readonly VersionRef[]
}

export interface SignedReceipt {
  readonly receipt: Receipt
  readonly signature: string
}

const MOST_VERSIONS = 50_000
const bytesOf = (receipt: unknown): Buffer => Buffer.from(JSON.stringify(receipt))

export const signReceipt = (receipt: Receipt, key: BundleKey): SignedReceipt => ({
  receipt,
  signature: key.sign('receipt', bytesOf(receipt)).toString('base64'),
})

/**
 * Reads a receipt of a bundle of ours. That its signature fits shows that nobody altered it on its way; a forged one would only lead
 * to a bundle that its receiver can't use. Throws `BundleRefused`.
 */
export const readReceipt = (given: unknown, exporter: string): Receipt => {
  const { receipt, signature } = (given ?? {}) as Partial<SignedReceipt>
  refuse(receipt !== null && typeof receipt === 'object' && typeof signature === 'string', 'it is none')
  refuse(receipt.format === 1 && typeof receipt.bundle === 'string', 'its format is of a later version')
  refuse(isPublicKey(receipt.publicKey), 'it names no key')
  refuse(
    isSignedBy(receipt.publicKey, 'receipt', bytesOf(receipt), Buffer.from(signature, 'base64')),
    'its signature is wrong',
  )
  const { versions } = receipt
  refuse(Array.isArray(versions) && versions.length <= MOST_VERSIONS && versions.every(isVersionRef), 'its versions')
  refuse(receipt.exporter === exporter, 'it is of a bundle that another installation made')
  return receipt
}

const refuse: (condition: unknown, what: string) => asserts condition = (condition, what) => {
  try {
    refuseUnless(condition, what)
  } catch {
    throw new BundleRefused(`The receipt is refused: ${what}.`)
  }
}
