import { ArmError } from '#arm/arm-error.ts'
import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { OperationError } from '#operations/operations.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { PlannedResource } from '#templates/planned-resource.ts'
import { deleteTheRest } from './complete-mode.ts'
import { deployResource } from './deploy-resource.ts'
import { deploymentFailed, outputsFailed } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { made, named } from './describe-deployment.ts'
import { durationBetween } from './duration.ts'
import { asRefusal } from './prepare-deployment.ts'
import { openRun, type Run, recorded } from './run.ts'
import { runInOrder } from './run-in-order.ts'
import { RUN_DEPLOYMENT, type RunInput } from './run-input.ts'

/** How many resources of one deployment are made at once. */
const AT_ONCE = 16

/**
 * The work of a deployment: every resource once those are there that it depends on; in mode Complete, what the template does not
 * have is deleted; last the outputs. What was made is recorded resource by resource, so that after a crash it goes on behind that;
 * a resource that was being made is waited for and asked for again.
 */
export const runDeployment = (parts: DeploymentParts): ResourceOperation => ({
  kind: RUN_DEPLOYMENT,
  async run({ document, input, signal, report }, arm) {
    const run = await openRun(document, input as unknown as RunInput, parts, arm)
    const { resources, dependencies } = run.prepared.opened
    const wanted = made(resources)
    let finished = 0
    const deploy = async (resource: PlannedResource) => {
      await deployOnce(resource, run)
      report((100 * ++finished) / (wanted.length + 1))
    }
    // A resource that is not made can still stand between two that are.
    const inOrder = (resource: PlannedResource) => (wanted.includes(resource) ? deploy(resource) : Promise.resolve())
    try {
      refuse(await runInOrder(resources, dependencies, inOrder, { most: AT_ONCE, signal }), run)
      if (document.properties.mode === 'Complete') await deleteTheRest(run, signal)
      const outputs = await evaluateOutputs(run)
      const outputResources = wanted.map(({ id }) => ({ id }))
      return {
        properties: { ...endOf(document, arm), outputs, outputResources },
        conclude: conclusion(document, parts),
      }
    } catch (error) {
      if (signal.aborted) await cancelNested(run)
      throw error
    }
  },
  failed(fault, document, arm) {
    const error = fault instanceof ArmError ? { error: fault.toOperationError() as unknown as Json } : {}
    return { properties: { ...endOf(document, arm), ...error }, conclude: conclusion(document, parts) }
  },
  cancelled(document, arm) {
    return {
      properties: endOf(document, arm),
      async conclude(transaction) {
        await parts.deployments.cancelRecords(transaction, document.uid, arm.clock.now().toISOString())
        await conclusion(document, parts)(transaction)
      },
    }
  },
})

const conclusion =
  (document: ResourceDocument, { deployments }: DeploymentParts) =>
  (transaction: Parameters<DeploymentParts['deployments']['end']>[0]) =>
    deployments.end(transaction, document.uid, document.hidden.isEvaluated !== true)

const endOf = (document: ResourceDocument, arm: Arm): JsonObject => {
  const timestamp = arm.clock.now().toISOString()
  return { timestamp, duration: durationBetween(String(document.hidden.startedAt), timestamp) }
}

const deployOnce = (resource: PlannedResource, run: Run): Promise<void> =>
  recorded(run, 'Create', named(resource), async begunBefore => {
    const { opened, lookUps } = run.prepared
    if (begunBefore) await run.arm.settled(resource.id.toLowerCase())
    const body = await asRefusal(() => lookUps.evaluated(() => opened.body(resource)))
    return deployResource(resource, body, run)
  })

const evaluateOutputs = async (run: Run): Promise<JsonObject> => {
  const { opened, lookUps } = run.prepared
  let outputs: JsonObject = {}
  try {
    await recorded({ ...run, before: new Map() }, 'EvaluateDeploymentOutput', undefined, async () => {
      outputs = await asRefusal(() => lookUps.evaluated(() => opened.outputs()))
      return { status: 200 }
    })
  } catch (error) {
    if (!(error instanceof ArmError)) throw error
    const details = opened.redact([error.toOperationError()] as unknown as Json)
    throw outputsFailed(run.document.id, details as unknown as OperationError[])
  }
  return outputs
}

/** What failed becomes the failure of the deployment. A bug, or a process that leaves, is none of the template's. */
const refuse = (failures: readonly unknown[], run: Run): void => {
  if (failures.length === 0) return
  const bug = failures.find(failure => !(failure instanceof ArmError))
  if (bug) throw bug
  const details = failures.map(failure => (failure as ArmError).toOperationError()) as unknown as Json
  throw deploymentFailed(run.document.id, run.prepared.opened.redact(details) as unknown as OperationError[])
}

/**
 * A deployment that is cancelled takes those along that it began, as far as its caller may cancel them; a process that leaves takes
 * nothing along. A record alone does not say whose deployment runs under the name: after a crash it may be another one.
 */
const cancelNested = async ({ arm, document, input, parts }: Run): Promise<void> => {
  const current = await arm.resources.find(document.key)
  if (current?.hidden.cancelled !== true) return
  for (const { operation, state, target } of await parts.deployments.records(document.uid)) {
    const isNested = target?.resourceType.toLowerCase() === 'microsoft.resources/deployments'
    if (!isNested || operation !== 'Create' || state !== 'Running') continue
    const nested = await arm.resources.find(target.id.toLowerCase())
    if (nested?.properties.correlationId !== input.correlationId) continue
    const { caller, origin } = input
    await arm.send({ method: 'POST', path: `${target.id}/cancel`, caller, origin })
  }
}
