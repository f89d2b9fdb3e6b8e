import { row } from './arm-error.ts'

/** What a request is refused with that no role could allow: another tenant's subscription, a lock. */
export const accessError = {
  invalidTokenTenant: row(
    401,
    'InvalidAuthenticationTokenTenant',
    'a subscription of another tenant',
    (tenant: string, wanted: string) =>
      `The access token is from the wrong tenant '${tenant}'. It must match the tenant '${wanted}' associated with this subscription. Sign in to that tenant to get a token for it.`,
  ),
  linkedTenantNotAuthorized: row(
    403,
    'LinkedAuthorizationFailed',
    'a resource of another tenant’s subscription in a request',
    (action: string, scope: string, tenant: string, subscription: string) =>
      `The client has permission to perform action '${action}' on scope '${scope}', however the current tenant '${tenant}' is not authorized to access linked subscription '${subscription}'.`,
  ),
  scopeLocked: row(
    409,
    'ScopeLocked',
    'a change of what a lock holds',
    (scope: string, operation: string, locked: readonly string[]) =>
      `The scope '${scope}' cannot perform ${operation} operation because following scope(s) are locked: '${locked.join(', ')}'. Please remove the lock and try again.`,
  ),
} as const
