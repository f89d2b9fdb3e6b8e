import { armError } from '#arm/arm-error.ts'
import type { Arm, ArmRequest, Change, Plan } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { templateHash } from '#templates/template-hash.ts'
import { deploymentError } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { describeDeployment } from './describe-deployment.ts'
import { findSuperfluous } from './history.ts'
import { preflight } from './preflight.ts'
import { prepareDeployment } from './prepare-deployment.ts'
import { checkDeploymentName, readWish, type Wish } from './read-deployment.ts'
import { OUTER_HEADER, RUN_DEPLOYMENT, type RunInput, runInputOf } from './run-input.ts'

/** A PUT of a deployment: everything is checked that can be, then the work begins. */
export const planDeployment = async (change: Change, parts: DeploymentParts, arm: Arm): Promise<Plan> => {
  const { id, request, given, existing } = change
  checkDeploymentName(id.name, id)
  const wish = readWish(id, given, arm)
  const keptLocation = existing?.envelope.location
  if (existing && wish.location !== keptLocation)
    throw deploymentError.otherLocation(id.name, wish.location ?? '', String(keptLocation))
  const input = runInputOf(request, arm)
  const { opened } = await prepareDeployment({ id, wish, ...input }, parts, arm)
  await preflight(id.name, opened, { caller: request.caller, level: wish.validationLevel }, parts, arm)
  const document = documentOf(
    change,
    wish,
    { ...describeDeployment(opened), parameters: opened.parameters },
    input,
    arm,
  )
  const superfluous = existing ? [] : await findSuperfluous(document, arm)
  return {
    document,
    work: { kind: RUN_DEPLOYMENT, input: { ...input, caller: { ...input.caller } } },
    async inCommit(transaction, saved) {
      await refuseLeftBehind(request, input, transaction, arm)
      await parts.deployments.begin(transaction, document.uid, {
        template: wish.template,
        parameters: opened.values,
      })
      for (const old of superfluous) {
        await parts.deployments.forget(transaction, old.uid)
        await arm.resources.remove(transaction, old.key)
      }
      return saved
    },
  }
}

/** Who cancels a deployment takes along what it has begun; what it only asked for must not begin behind that. */
const refuseLeftBehind = async (
  { headers }: ArmRequest,
  { correlationId }: RunInput,
  transaction: Transaction,
  arm: Arm,
): Promise<void> => {
  const key = headers[OUTER_HEADER]
  if (key === undefined) return
  const outer = await arm.resources.find(key, transaction)
  if (outer?.properties.correlationId !== correlationId || outer.hidden.cancelled === true)
    throw armError.operationCanceled()
}

const documentOf = (
  { wanted, existing }: Change,
  wish: Wish,
  shown: JsonObject,
  { correlationId }: RunInput,
  arm: Arm,
): ResourceDocument => {
  const now = arm.clock.now().toISOString()
  const { location: _location, ...envelope } = wanted.envelope
  if (existing?.provisioningState === 'Deleting') throw armError.markedForDeletion('PUT', wanted.name)
  return {
    ...wanted,
    envelope: { ...envelope, ...(wish.location === undefined ? {} : { location: wish.location }) },
    properties: {
      templateHash: templateHash(wish.template),
      mode: wish.mode,
      timestamp: now,
      duration: 'PT0S',
      correlationId,
      ...shown,
    },
    hidden: { startedAt: now, isEvaluated: wish.isEvaluated },
  }
}
