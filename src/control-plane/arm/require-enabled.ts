import { row } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'
import type { Arm, ArmRequest } from './resource-type.ts'

export const subscriptionState = {
  disabled: row(
    409,
    'ReadOnlyDisabledSubscription',
    'a write or an action in a cancelled subscription',
    (subscriptionId: string) =>
      `The subscription '${subscriptionId}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled.`,
  ),
}

const READS = new Set(['GET', 'HEAD', 'DELETE'])

/** Throws when the subscription of the scope is cancelled, unless the request reads, deletes, or is about the subscription itself. */
export const requireEnabled = async (method: ArmRequest['method'], scope: ResourceId, arm: Arm): Promise<void> => {
  const { subscription } = scope
  if (READS.has(method) || !subscription || /\/providers\/microsoft\.subscription$/.test(scope.key)) return
  const document = await arm.resources.find(subscription.key)
  if (document?.properties.state === 'Disabled') throw subscriptionState.disabled(subscription.name)
}
