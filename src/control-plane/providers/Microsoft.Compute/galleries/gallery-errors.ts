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
  nameTaken: row(
    409,
    'Conflict',
    'a gallery name that the subscription has in another group',
    (name: string, id: string) =>
      `The gallery name '${name}' is already used in the subscription, by '${id}'. Gallery names must be unique within a subscription.`,
    () => 'galleryName',
  ),
  stillShared: row(
    409,
    'OperationNotAllowed',
    'deletion of a gallery that is shared',
    (name: string) =>
      `The gallery '${name}' can not be deleted while it is shared. Reset its sharing profile first: az sig share reset.`,
  ),
  groupIdInvalid: row(
    400,
    'InvalidParameter',
    'a subscription or tenant that is no GUID',
    (id: string) => `The id '${id}' in the sharing profile's groups is invalid. It must be a GUID.`,
    () => 'groups',
  ),
  groupsNotAllowed: row(
    400,
    'InvalidParameter',
    'subscriptions or tenants where nobody is named',
    (operation: string) => `Parameter 'groups' is not allowed when operationType is '${operation}'.`,
    () => 'groups',
  ),
  tooManyShared: row(
    400,
    'InvalidParameter',
    'more subscriptions or tenants than a gallery can be shared with',
    (type: string, limit: number) =>
      `A gallery can be shared with at most ${limit} ${type === 'Subscriptions' ? 'subscriptions' : 'tenants'}.`,
    () => 'groups',
  ),
  sharingNotOfKind: row(
    409,
    'OperationNotAllowed',
    'sharing that the permissions of the gallery do not provide for',
    (operation: string, wanted: string, permissions: string) =>
      `The sharing operation '${operation}' is allowed only when sharingProfile.permissions of the gallery is '${wanted}'. It is '${permissions}'.`,
    () => 'operationType',
  ),
  planNotForCommunity: row(
    409,
    'OperationNotAllowed',
    'a definition with a purchase plan in a community gallery',
    (image: string) => `The gallery image '${image}' has a purchase plan, and can not be shared with the community.`,
    () => 'galleryImage.properties.purchasePlan',
  ),
  sharedFromElsewhere: row(
    409,
    'OperationNotAllowed',
    'a definition or version in another region than its gallery, which is to be shared',
    (name: string, location: string, gallery: string) =>
      `'${name}' is located in '${location}' and its gallery in '${gallery}'. In a gallery that is shared, all must be located where the gallery is; versions can have replicas in other regions.`,
    () => 'location',
  ),
  notInvited: row(
    404,
    'GalleryInvitationNotFound',
    'an answer to an offer of a gallery that nobody made',
    (name: string) => `The gallery '${name}' is not shared with you.`,
  ),
} as const
