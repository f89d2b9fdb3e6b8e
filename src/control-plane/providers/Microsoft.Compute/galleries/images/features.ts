import { armError } from '#arm/arm-error.ts'
import { galleryError } from '../gallery-errors.ts'
import { parseVersion } from './versions/version-number.ts'

/** What an image can do, as its definition says. */
export interface Feature {
  readonly name: string
  readonly value: string
  /** The first version for which it holds. */
  readonly startsAtVersion?: string
}

const truth = ['True', 'False'] as const
const known: Readonly<Record<string, readonly string[]>> = {
  SecurityType: [
    'Standard',
    'TrustedLaunchSupported',
    'TrustedLaunch',
    'ConfidentialVMSupported',
    'ConfidentialVM',
    'TrustedLaunchAndConfidentialVmSupported',
  ],
  IsHibernateSupported: truth,
  IsAcceleratedNetworkSupported: truth,
  DiskControllerTypes: ['SCSI', 'NVMe', 'SCSI, NVMe', 'NVMe, SCSI'],
  IsSecureBootSupported: truth,
  IsMeasuredBootSupported: truth,
}

/** Where a definition's features apply: some security types need a generation, some a gallery of one's own. */
export interface FeatureGround {
  readonly hyperVGeneration: string
  readonly isPrivateGallery: boolean
}

/** Features in the spelling of Azure, whatever case they were sent in; throws on what no image can have. */
export const settleFeatures = (sent: readonly Partial<Feature>[], ground: FeatureGround): readonly Feature[] => {
  const settled = sent.map(settleFeature)
  const twice = settled.find((feature, index) => settled.findIndex(({ name }) => name === feature.name) !== index)
  if (twice) throw galleryError.featureTwice(twice.name)
  requireGround(settled.find(({ name }) => name === 'SecurityType')?.value ?? 'Standard', ground)
  return settled
}

const settleFeature = ({ name = '', value = '', startsAtVersion }: Partial<Feature>): Feature => {
  const found = Object.entries(known).find(([one]) => one.toLowerCase() === name.toLowerCase())
  if (!found) throw galleryError.featureUnknown(name.slice(0, 100), Object.keys(known))
  const [spelling, values] = found
  const canonical = values.find(one => plain(one) === plain(value))
  if (!canonical) throw galleryError.featureValueInvalid(spelling, value.slice(0, 100), values)
  if (startsAtVersion !== undefined && !parseVersion(startsAtVersion))
    throw armError.invalidValue(
      'galleryImage.properties.features.startsAtVersion',
      startsAtVersion.slice(0, 100),
      'It must be a version, for e.g: 1.0.0.',
    )
  return { name: spelling, value: canonical, ...(startsAtVersion === undefined ? {} : { startsAtVersion }) }
}

const plain = (value: string) => value.toLowerCase().replaceAll(' ', '')

const requireGround = (securityType: string, { hyperVGeneration, isPrivateGallery }: FeatureGround) => {
  if (securityType !== 'Standard' && hyperVGeneration !== 'V2') throw galleryError.securityTypeNeedsV2(securityType)
  if (['TrustedLaunch', 'ConfidentialVM'].includes(securityType) && !isPrivateGallery)
    throw galleryError.securityTypeNeedsPrivateGallery(securityType)
}

/** Whether two lists say the same, in whatever order. */
export const sameFeatures = (one: readonly Feature[], other: readonly Feature[]): boolean =>
  one.length === other.length &&
  one.every(feature =>
    other.some(
      ({ name, value, startsAtVersion }) =>
        feature.name === name && feature.value === value && feature.startsAtVersion === startsAtVersion,
    ),
  )
