import type { FastifyInstance } from 'fastify'
import { row } from '#arm/arm-error.ts'
import type { Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'

export interface SubscriptionRouteParts {
  readonly arm: Arm
  /** The subscription of the first start, which stays. */
  readonly subscriptionId: string
}

export const subscriptionRefusal = {
  unknown: row(
    404,
    'SubscriptionNotFound',
    'a subscription that is not there',
    (id: string) => `The subscription '${id}' could not be found.`,
  ),
  staying: row(409, 'SubscriptionInUse', 'a subscription that can not be removed', (why: string) => why),
}

const TYPE = 'Microsoft.Resources/subscriptions'

/** `/opengallery/subscriptions`: the subscriptions of all tenants, for the owner of the installation. */
export const subscriptionRoutes = (
  app: FastifyInstance,
  { arm, subscriptionId: first }: SubscriptionRouteParts,
): void => {
  app.get('/opengallery/subscriptions', async () => {
    const documents = await listAll(arm.resources, { type: TYPE })
    const subscriptions = documents.map(async ({ key, name, properties }) => ({
      subscriptionId: name,
      displayName: properties.displayName,
      tenantId: properties.tenantId,
      state: properties.state,
      resourceGroups: await arm.resources.count({ type: `${TYPE}/resourceGroups`, parentKey: key }),
    }))
    return { subscriptions: await Promise.all(subscriptions) }
  })
  app.delete<{ Params: { id: string } }>('/opengallery/subscriptions/:id', async ({ params }, reply) => {
    const key = `/subscriptions/${params.id}`.toLowerCase()
    if (params.id.toLowerCase() === first.toLowerCase())
      throw subscriptionRefusal.staying('The subscription of the first start can not be removed.')
    await arm.transact(async transaction => {
      const document = await arm.resources.find(key, transaction)
      if (document?.type !== TYPE) throw subscriptionRefusal.unknown(params.id.slice(0, 100))
      const [held] = await arm.resources.childIds(key, 1, transaction)
      if (held !== undefined) throw subscriptionRefusal.staying(`The subscription is not empty: ${held} is in it.`)
      await arm.resources.remove(transaction, key)
    })
    return reply.code(204).send()
  })
}
