import { FakeClock } from '#foundation/clock.ts'
import { passingImageKeys } from '#provenance/image-keys.ts'
import type { SigningParts } from './check-version.ts'

/** Signs with a key of its own, and takes what is not signed, too. */
export const testSigning = (): SigningParts => ({
  imageKeys: passingImageKeys(new FakeClock()),
  productVersion: 'test',
  requireSigned: false,
})
