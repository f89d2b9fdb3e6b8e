import { row } from '#arm/arm-error.ts'

/** Refusals of galleries and image definitions. Sentences are Azure's, from its troubleshooting guide and its users' reports. */
export const galleryError = {
  galleryNameInvalid: row(
    400,
    'InvalidParameter',
    'a gallery name with a dash or another special character',
    () =>
      'Gallery name is invalid. Allowed characters are English alphanumeric characters, with underscores, and periods allowed in the middle, up to 80 characters total. All other special characters, including dashes, are disallowed.',
    () => 'galleryName',
  ),
  nameInvalid: row(
    400,
    'InvalidParameter',
    'a gallery or definition name that breaks the rule',
    (what: string) =>
      `The entity name '${what}' is invalid according to its validation rule: ^[^\\_\\W][\\w-.\\_]{0,79}(?<![-.])$.`,
    what => what,
  ),
  communityWithoutInfo: row(
    400,
    'InvalidParameter',
    'communityGalleryInfo for a gallery that is not of the community',
    (permissions: string) =>
      `Parameter 'gallery.properties.sharingProfile.communityGalleryInfo' is not allowed when permissions is '${permissions}'.`,
    () => 'gallery.properties.sharingProfile.communityGalleryInfo',
  ),
  publicNamePrefixInvalid: row(
    400,
    'InvalidParameter',
    'a public name prefix that breaks the rule',
    (prefix: string) =>
      `The public name prefix '${prefix}' is invalid. It must consist of 5 to 16 English alphanumeric characters.`,
    () => 'gallery.properties.sharingProfile.communityGalleryInfo.publicNamePrefix',
  ),
  tooMany: row(
    409,
    'QuotaExceeded',
    'more galleries, definitions or versions than a subscription may have in a region',
    (what: string, location: string, limit: number) =>
      `The subscription has reached the limit of ${limit} ${what} in location '${location}'. Delete some of them, or use another region.`,
  ),
  identifierInvalid: row(
    400,
    'InvalidParameter',
    'a publisher, offer or sku that breaks the rule',
    (member: string, limit: number) =>
      `Asset name galleryImage.properties.identifier.${member} is not valid. It cannot be empty. Allowed characters are uppercase or lowercase letters, digits, hyphen(-), period (.), underscore (_). Names are not allowed to end with period(.). The length of the name cannot exceed ${limit} characters.`,
    member => `galleryImage.properties.identifier.${member}`,
  ),
  identifierTaken: row(
    409,
    'Conflict',
    'publisher, offer and sku of another definition of the gallery',
    (definition: string, publisher: string, offer: string, sku: string) =>
      `Gallery image: ${definition} identified by (publisher:${publisher}, offer:${offer}, sku:${sku}) already exists. Choose a different publisher, offer, sku combination.`,
    () => 'galleryImage.properties.identifier',
  ),
  endOfLifePast: row(
    400,
    'InvalidParameter',
    'an end of life that has passed',
    (_path: string) => 'EndOfLifeDate must be set to a future date.',
    path => path,
  ),
  minimumAboveMaximum: row(
    400,
    'InvalidParameter',
    'a recommended range upside down',
    (range: string) => `The minimum value of ${range} must not be greater than the maximum value of ${range}.`,
    range => `galleryImage.properties.recommended.${range}`,
  ),
  featureUnknown: row(
    400,
    'InvalidParameter',
    'a feature that does not exist',
    (name: string, known: readonly string[]) =>
      `The feature name '${name}' is invalid. The supported features are: ${known.join(', ')}.`,
    () => 'galleryImage.properties.features',
  ),
  featureValueInvalid: row(
    400,
    'InvalidParameter',
    'a value that the feature can not have',
    (name: string, value: string, allowed: readonly string[]) =>
      `The value '${value}' of feature '${name}' is invalid. The supported values are: ${allowed.map(one => `'${one}'`).join(', ')}.`,
    () => 'galleryImage.properties.features',
  ),
  featureTwice: row(
    400,
    'InvalidParameter',
    'a feature that is named twice',
    (name: string) => `The feature '${name}' is specified more than once.`,
    () => 'galleryImage.properties.features',
  ),
  securityTypeNeedsV2: row(
    400,
    'InvalidParameter',
    'a security type on generation 1',
    (value: string) =>
      `The security type '${value}' is supported only by gallery images whose hyperVGeneration is 'V2'.`,
    () => 'galleryImage.properties.features',
  ),
  securityTypeNeedsPrivateGallery: row(
    400,
    'InvalidParameter',
    'a security type that is reserved to private galleries',
    (value: string) => `The security type '${value}' is supported only in galleries that are private.`,
    () => 'galleryImage.properties.features',
  ),
} as const
