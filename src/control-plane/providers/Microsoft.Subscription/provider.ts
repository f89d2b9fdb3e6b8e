import type { Provider } from '#arm/resource-type.ts'
import { aliasesType, type SubscriptionParts } from './alias.ts'
import { subscriptionActions } from './subscription-actions.ts'

/** Azure's own way to make, rename and cancel subscriptions. */
export const subscriptionProvider = (parts: SubscriptionParts): Provider => ({
  namespace: 'Microsoft.Subscription',
  types: [aliasesType(parts)],
  operations: [],
  actions: subscriptionActions,
})
