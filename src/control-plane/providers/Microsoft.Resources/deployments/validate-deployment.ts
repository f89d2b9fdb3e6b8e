import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import { templateHash } from '#templates/template-hash.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { describeDeployment, made } from './describe-deployment.ts'
import { preflight } from './preflight.ts'
import { prepareDeployment } from './prepare-deployment.ts'
import { checkDeploymentName, readDeploymentBody, readWish } from './read-deployment.ts'
import { runInputOf } from './run-input.ts'

/** What a PUT of the deployment would be told, without making anything. Throws the refusals of the PUT. */
export const validateDeployment = async (
  id: ResourceId,
  request: ArmRequest,
  parts: DeploymentParts,
  arm: Arm,
): Promise<Json> => {
  checkDeploymentName(id.name, id)
  const wish = readWish(id, readDeploymentBody(request.body), arm)
  const { caller, origin, correlationId } = runInputOf(request, arm)
  const { opened } = await prepareDeployment({ id, wish, caller, origin }, parts, arm)
  await preflight(id.name, opened, { caller, level: wish.validationLevel }, parts, arm)
  return {
    id: id.toString(),
    name: id.name,
    type: 'Microsoft.Resources/deployments',
    ...(wish.location === undefined ? {} : { location: wish.location }),
    properties: {
      templateHash: templateHash(wish.template),
      parameters: opened.parameters,
      mode: wish.mode,
      provisioningState: 'Succeeded',
      timestamp: arm.clock.now().toISOString(),
      duration: 'PT0S',
      correlationId,
      ...describeDeployment(opened),
      validatedResources: made(opened.resources).map(resource => ({ id: resource.id })),
    },
  }
}
