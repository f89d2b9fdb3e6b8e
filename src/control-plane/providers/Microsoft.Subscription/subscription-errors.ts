import { row } from '#arm/arm-error.ts'

/** Refusals of what makes and changes subscriptions. */
export const subscriptionError = {
  bodyInvalid: row(400, 'InvalidRequestContent', 'an alias that is not well formed', (why: string) => why),
  otherTenant: row(
    403,
    'AuthorizationFailed',
    'a subscription for another tenant, by somebody who is not the owner of the installation',
    (tenantId: string) => `Only the owner of the installation may make a subscription for the tenant '${tenantId}'.`,
  ),
  unknownTenant: row(
    404,
    'TenantNotFound',
    'a subscription for a tenant that is not there',
    (tenantId: string) => `There is no tenant '${tenantId}'.`,
  ),
  aliasNotFound: row(
    404,
    'AliasNotFound',
    'an alias that is not there',
    (name: string) => `The alias '${name}' was not found.`,
  ),
  unknownOwner: row(
    400,
    'SubscriptionOwnerNotFound',
    'a subscription whose owner is not in its tenant',
    (objectId: string) => `The tenant has no user, service principal or managed identity '${objectId}'.`,
  ),
  nameInvalid: row(
    400,
    'InvalidSubscriptionName',
    'a subscription name that is empty or too long',
    () => 'The name of a subscription has 1 to 64 characters.',
  ),
}
