import { ArmError } from '#arm/arm-error.ts'
import type { Arm, ArmResponse } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { PlannedResource } from '#templates/planned-resource.ts'
import { refusalIn } from './look-ups.ts'
import type { Run } from './run.ts'
import { DEPTH_HEADER, OUTER_HEADER } from './run-input.ts'

/** Makes one resource by the request that a user would send; the answer is the final one. Throws the refusal or the failure. */
export const deployResource = async (
  resource: PlannedResource,
  body: JsonObject,
  { arm, document, input }: Pick<Run, 'arm' | 'document' | 'input'>,
): Promise<ArmResponse> => {
  const answer = await arm.complete({
    method: 'PUT',
    path: resource.id,
    apiVersion: resource.apiVersion,
    headers: {
      'x-ms-correlation-request-id': input.correlationId,
      [DEPTH_HEADER]: String(input.depth + 1),
      [OUTER_HEADER]: document.key,
    },
    body,
    caller: input.caller,
    origin: input.origin,
  })
  if (answer.status >= 400) throw await failureOf(resource, answer, arm)
  return answer
}

/** A refusal is told as it is; work that failed after it was accepted, as a resource that reached the state Failed. */
const failureOf = async (resource: PlannedResource, answer: ArmResponse, arm: Arm): Promise<ArmError> => {
  const refusal = refusalIn(answer)
  const document = await arm.resources.find(resource.id.toLowerCase())
  const state = document?.provisioningState
  if (state !== 'Failed' && state !== 'Canceled') return refusal
  return new ArmError(
    409,
    'ResourceDeploymentFailure',
    `The resource write operation failed to complete successfully, because it reached terminal provisioning state '${state}'.`,
    { target: resource.id, details: [refusal.toOperationError()] },
  )
}
