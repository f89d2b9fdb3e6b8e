import { row } from '#arm/arm-error.ts'

/** Refusals of storage accounts. */
export const accountError = {
  nameInvalid: row(
    400,
    'AccountNameInvalid',
    'an account name that breaks the rule',
    (name: string) =>
      `${name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.`,
  ),
  nameTaken: row(
    409,
    'StorageAccountAlreadyTaken',
    'an account name that is in use',
    (name: string) => `The storage account named ${name} is already taken.`,
  ),
  skuNotServed: row(
    400,
    'OperationNotSupported',
    'a kind of redundancy that is not there',
    (sku: string) =>
      `The sku '${sku}' is not available in OpenGallery, which copies no storage account to another region. Use Standard_LRS.`,
    () => 'sku.name',
  ),
  kindNotServed: row(
    400,
    'OperationNotSupported',
    'a kind of account that is not there',
    (kind: string) => `The account kind '${kind}' is not available in OpenGallery. Use StorageV2.`,
    () => 'kind',
  ),
  publicAccess: row(
    409,
    'PublicAccessNotPermitted',
    'anonymous access to blobs',
    () => 'Public access is not permitted on this storage account: every request must be signed.',
    () => 'properties.allowBlobPublicAccess',
  ),
  unknownKey: row(
    400,
    'InvalidValuesForRequestParameters',
    'a key other than key1 and key2',
    (name: string) => `Values for request parameters are invalid: keyName '${name}'.`,
  ),
  sasInvalid: row(
    400,
    'InvalidValuesForRequestParameters',
    'signature terms that can not be used',
    (what: string) => `Values for request parameters are invalid: ${what}.`,
  ),
} as const
