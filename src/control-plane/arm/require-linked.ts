import { accessError } from './access-errors.ts'
import { armError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'
import type { Arm, Change } from './resource-type.ts'

/**
 * Throws `LinkedAuthorizationFailed` unless the caller may do `action` (`Microsoft.Network/networkInterfaces/join/action`) on what
 * the changed resource refers to.
 */
export const requireLinked = async (
  arm: Arm,
  change: Pick<Change, 'id'> & { readonly request: Pick<Change['request'], 'caller'> },
  action: string,
  linked: ResourceId,
): Promise<void> => {
  const { caller } = change.request
  if (await arm.mayDo(caller, action, linked)) return
  const tenant = linked.subscriptionId === undefined ? undefined : arm.tenantOf(linked.subscriptionId)
  if (tenant !== undefined && tenant !== caller.tenantId.toLowerCase())
    throw accessError.linkedTenantNotAuthorized(
      `${change.id.type}/write`,
      `${change.id}`,
      caller.tenantId,
      linked.subscriptionId ?? '',
    )
  throw armError.linkedAuthorizationFailed(
    caller.clientId,
    caller.objectId,
    `${change.id.type}/write`,
    change.id.toString(),
    action,
    linked.toString(),
  )
}
