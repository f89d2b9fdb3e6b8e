import { ArmError } from '#arm/arm-error.ts'
import type { Arm, Caller, ResourceOperation } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

export const DELETE_GROUP = 'delete resource group'

/** Resources refer to each other in ways that only their own rules know; each round deletes what nothing holds back any more. */
const ROUNDS = 5

/**
 * Deletes everything in a group, nested resources first, each by the request that a user would send; then the group itself.
 * What may not be deleted (a version before its end of life) fails the work, and the group stays with what is left.
 */
export const deleteGroup: ResourceOperation = {
  kind: DELETE_GROUP,
  async run({ document, input, step }, arm) {
    const { caller, origin } = input as unknown as { caller: Caller; origin: string }
    await step('cancel deployments', () => cancelDeployments(document, caller, origin, arm))
    for (let round = 1; round <= ROUNDS; round++) {
      const refusal = await step(`round ${round}`, () => deleteAll(document, caller, origin, arm))
      if (refusal === null) return { remove: true }
      if (round === ROUNDS) throw new ArmError(409, refusal.code, refusal.message)
    }
    return { remove: true }
  },
}

/** A deployment that goes on would make again what is being deleted. */
const cancelDeployments = async (group: ResourceDocument, caller: Caller, origin: string, arm: Arm): Promise<void> => {
  const deployments = await listAll(arm.resources, { type: 'Microsoft.Resources/deployments', groupKey: group.key })
  for (const { id, provisioningState } of deployments)
    if (provisioningState === 'Creating' || provisioningState === 'Updating')
      await arm.send({ method: 'POST', path: `${id}/cancel`, caller, origin })
}

interface Refusal {
  readonly code: string
  readonly message: string
}

const deleteAll = async (
  group: ResourceDocument,
  caller: Caller,
  origin: string,
  arm: Arm,
): Promise<Refusal | null> => {
  const documents = await listAll(arm.resources, { groupKey: group.key })
  const deepestFirst = documents.toSorted((a, b) => depth(b) - depth(a))
  let refusal: Refusal | null = null
  for (const { id } of deepestFirst) {
    const answer = await arm.complete({ method: 'DELETE', path: id, caller, origin })
    if (answer.status >= 400) refusal ??= (answer.body as unknown as { error: Refusal }).error
  }
  return refusal
}

const depth = (document: ResourceDocument) => document.key.split('/').length
