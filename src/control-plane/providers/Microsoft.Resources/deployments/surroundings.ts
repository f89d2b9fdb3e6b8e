import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { Surroundings } from '#templates/frame.ts'
import { fault } from '#templates/template-fault.ts'
import type { LookUps } from './look-ups.ts'
import type { Wish } from './read-deployment.ts'

interface Place {
  readonly id: ResourceId
  readonly wish: Pick<Wish, 'template' | 'mode' | 'location'>
  readonly caller: Caller
  readonly origin: string
}

/** What the functions of a template see of the deployment's place. The group and the subscription are there. */
export const surroundingsOf = async (place: Place, lookUps: LookUps, arm: Arm): Promise<Surroundings> => {
  const { id, caller, origin } = place
  const group = id.group && (await arm.resources.find(id.group.key))
  const subscription = id.subscription && (await arm.resources.find(id.subscription.key))
  const missing = (name: string) => (): JsonObject => {
    throw fault.notHere(name)
  }
  const shownGroup = {
    id: group?.id ?? '',
    name: group?.name ?? '',
    type: 'Microsoft.Resources/resourceGroups',
    location: group?.location ?? '',
    tags: group?.tags ?? {},
    ...group?.envelope,
    properties: { provisioningState: 'Succeeded' },
  }
  const shownSubscription = {
    id: subscription?.id ?? '',
    subscriptionId: subscription?.name ?? '',
    tenantId: caller.tenantId,
    displayName: String(subscription?.properties.displayName ?? ''),
  }
  return {
    scope: group ? 'resourceGroup' : subscription ? 'subscription' : 'tenant',
    resourceGroup: group ? () => shownGroup : missing('resourceGroup'),
    subscription: subscription ? () => shownSubscription : missing('subscription'),
    tenant: () => ({ id: `/tenants/${caller.tenantId}`, tenantId: caller.tenantId }),
    deployment: () => shownDeployment(place),
    deployer: () => ({
      objectId: caller.objectId,
      tenantId: caller.tenantId,
      ...(caller.kind === 'User' ? { userPrincipalName: caller.displayName } : {}),
    }),
    environment: () => environmentAt(origin),
    lookUp: what => lookUps.find(what),
    now: () => arm.clock.now(),
    newGuid: () => arm.random.uuid(),
  }
}

/** The template is there as it came; values of parameters are not, as some are secret. */
const shownDeployment = ({ id, wish }: Place): JsonObject => ({
  name: id.name,
  ...(wish.location === undefined ? {} : { location: wish.location }),
  properties: {
    template: wish.template,
    mode: wish.mode,
    provisioningState: 'Accepted',
  },
})

/** The cloud, as `/metadata/endpoints` tells it. */
const environmentAt = (origin: string): JsonObject => ({
  name: 'OpenGallery',
  gallery: `${origin}/`,
  graph: `${origin}/graph`,
  portal: origin,
  graphAudience: `${origin}/graph`,
  resourceManager: `${origin}/`,
  authentication: {
    loginEndpoint: `${origin}/adfs`,
    audiences: [origin],
    tenant: 'adfs',
    identityProvider: 'ADFS',
  },
  suffixes: { storage: 'blob.opengallery' },
})
