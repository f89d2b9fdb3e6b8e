import type { ResourceDocument } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'
import type { Arm, Caller } from './resource-type.ts'

/**
 * What lies in no subscription, such as a deployment at the tenant, is of the tenant whose caller made it. Ids do not tell tenants apart:
 * names are there once, and what another tenant has under one is not to be seen or touched.
 */
export const isOfTenant = (document: ResourceDocument, { tenantId }: Caller): boolean =>
  document.subscriptionId !== undefined ||
  document.hidden.tenantId === undefined ||
  document.hidden.tenantId === tenantId

/** The document with whose it is, if no subscription says so: whoever made it, not whoever changes it. */
export const ofTenant = (
  document: ResourceDocument,
  existing: ResourceDocument | undefined,
  caller: Caller,
): ResourceDocument => {
  if (document.subscriptionId !== undefined) return document
  return { ...document, hidden: { ...document.hidden, tenantId: existing?.hidden.tenantId ?? caller.tenantId } }
}

/** Throws when what the scope names at the tenant is another tenant's. */
export const requireOwn = async (scope: ResourceId, caller: Caller, arm: Arm): Promise<void> => {
  if (scope.subscriptionId !== undefined || caller === arm.itself) return
  for (let id = scope; id.toString() !== ''; id = id.parent) {
    const document = await arm.resources.find(id.key)
    if (document && !isOfTenant(document, caller))
      throw armError.authorizationFailed(caller.clientId, caller.objectId, 'any', scope.toString())
  }
}
