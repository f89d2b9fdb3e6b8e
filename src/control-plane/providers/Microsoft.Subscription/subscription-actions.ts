import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ComputedAction } from '#arm/resource-type.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { requireName } from './read-alias.ts'

/** Changes a subscription's properties; the answer names it, as Azure's does. Throws where the tenant is asked, which is none. */
const changed = async ({ subscription }: ResourceId, properties: JsonObject, arm: Arm): Promise<Json> => {
  if (!subscription) throw armError.invalidPath()
  const change = (document: ResourceDocument) => ({
    ...document,
    properties: { ...document.properties, ...properties },
  })
  await arm.resources.change(subscription.key, change)
  return { subscriptionId: subscription.name }
}

const to = (permission: string, properties: JsonObject): ComputedAction => ({
  permission,
  run: ({ id }, arm) => changed(id, properties, arm),
})

/** `/subscriptions/S/providers/Microsoft.Subscription/...`; a cancelled subscription can be read and deleted from, not written to. */
export const subscriptionActions: Readonly<Record<string, ComputedAction>> = {
  cancel: to('cancel/action', { state: 'Disabled' }),
  enable: to('enable/action', { state: 'Enabled' }),
  rename: {
    permission: 'rename/action',
    body: Type.Object({ subscriptionName: Type.String() }),
    async run({ id, body }, arm) {
      const name = String(body.subscriptionName)
      requireName(name)
      return changed(id, { displayName: name }, arm)
    },
  },
}
