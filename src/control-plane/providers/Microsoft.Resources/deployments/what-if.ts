import { ArmError } from '#arm/arm-error.ts'
import { isObject } from '#arm/read-body.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { Budget } from '#templates/budget.ts'
import type { OpenOptions } from '#templates/open-template.ts'
import type { PlannedResource } from '#templates/planned-resource.ts'
import { comparePayloads, payloadOf } from './compare-payloads.ts'
import { restOf } from './complete-mode.ts'
import { deploymentError } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { made } from './describe-deployment.ts'
import { giveWay } from './give-way.ts'
import { refusalIn } from './look-ups.ts'
import { preflight } from './preflight.ts'
import { asRefusal, type Prepared, prepareDeployment } from './prepare-deployment.ts'
import { checkDeploymentName, readDeploymentBody, readWish, type Wish } from './read-deployment.ts'
import { deeper, type RunInput, runInputOf } from './run-input.ts'

/** One resource, and what the deployment would do to it. */
interface ResourceChange {
  readonly resourceId: string
  readonly changeType: 'Create' | 'Modify' | 'NoChange' | 'Deploy' | 'Delete' | 'Ignore' | 'Unsupported'
  readonly unsupportedReason?: string
  readonly before?: JsonObject
  readonly after?: JsonObject
  readonly delta?: readonly unknown[]
}

/** Resources of all nested deployments together. */
const MAX_ASKED = 8000

interface Question {
  /** How many resources were looked at; nested deployments count along, and are evaluated from the same budget. */
  readonly asked: { count: number }
  readonly options: OpenOptions
  readonly input: RunInput
  readonly arm: Arm
  readonly parts: DeploymentParts
  readonly idsOnly: boolean
}

/**
 * What a deployment would change, nothing being made: the same evaluation as that of the deployment, and for resources that are
 * there the rules that a write of them would meet. Texts of secure parameters are hidden before they are put in.
 */
export const whatIf = async (id: ResourceId, request: ArmRequest, parts: DeploymentParts, arm: Arm): Promise<Json> => {
  checkDeploymentName(id.name, id)
  const body = readDeploymentBody(request.body)
  const wish = readWish(id, body, arm)
  const input = runInputOf(request, arm)
  const { whatIfSettings } = (body.properties ?? {}) as { whatIfSettings?: { resultFormat?: string } }
  const question = {
    asked: { count: 0 },
    options: { hideSecrets: true, budget: new Budget() },
    input,
    arm,
    parts,
    idsOnly: whatIfSettings?.resultFormat === 'ResourceIdOnly',
  }
  const prepared = await prepareDeployment({ id, wish, ...input }, parts, arm, question.options)
  await preflight(id.name, prepared.opened, { caller: input.caller, level: wish.validationLevel }, parts, arm)
  const changes = [...(await changesOf(prepared, question)), ...(await changesOfTheRest(id, wish, prepared, question))]
  const properties = { correlationId: input.correlationId, changes: changes as unknown as Json }
  return { status: 'Succeeded', properties }
}

const changesOf = async (prepared: Prepared, question: Question): Promise<ResourceChange[]> => {
  const changes: ResourceChange[] = []
  for (const resource of made(prepared.opened.resources)) {
    await giveWay()
    if (++question.asked.count > MAX_ASKED) throw deploymentError.tooMany(MAX_ASKED)
    changes.push(...(await changesBy(resource, prepared, question)))
  }
  return changes
}

const changesBy = async (
  resource: PlannedResource,
  { opened, lookUps }: Prepared,
  question: Question,
): Promise<ResourceChange[]> => {
  const isNested = resource.type.toLowerCase() === 'microsoft.resources/deployments'
  if (question.idsOnly && !isNested) return [await idOnly(resource, question)]
  let body: JsonObject
  try {
    body = await asRefusal(() => lookUps.evaluated(() => opened.body(resource)))
  } catch (error) {
    if (error instanceof ArmError) return [unsupported(resource, error)]
    throw error
  }
  return isNested ? changesOfNested(resource, body, question) : [await changeOf(resource, body, question)]
}

/** What it depends on is not there yet, so that nobody can say what it will be. */
const unsupported = (resource: PlannedResource, error: ArmError): ResourceChange => ({
  resourceId: resource.id,
  changeType: 'Unsupported',
  unsupportedReason: error.message,
})

const idOnly = async (resource: PlannedResource, question: Question): Promise<ResourceChange> => {
  const there = await find(resource, question)
  if (there.status >= 400 && there.status !== 404) return unsupported(resource, refusalIn(there))
  return { resourceId: resource.id, changeType: there.status === 404 ? 'Create' : 'Deploy' }
}

const find = ({ id, apiVersion }: PlannedResource, { arm, input: { caller, origin } }: Question) =>
  arm.send({ method: 'GET', path: id, apiVersion, caller, origin })

/** The resources of a nested deployment, not the deployment itself: told to those who may ask what-if where it is to be. */
const changesOfNested = async (
  resource: PlannedResource,
  body: JsonObject,
  question: Question,
): Promise<ResourceChange[]> => {
  const id = ResourceId.parse(resource.id)
  try {
    if (!id) return []
    checkDeploymentName(id.name, id)
    await requireRight(question.input.caller, 'Microsoft.Resources/deployments/whatIf/action', id, question.arm)
    const wish = readWish(id, readDeploymentBody(body), question.arm)
    const input = deeper(question.input)
    const prepared = await prepareDeployment({ id, wish, ...input }, question.parts, question.arm, question.options)
    return await changesOf(prepared, { ...question, input })
  } catch (error) {
    if (error instanceof ArmError) return [unsupported(resource, error)]
    throw error
  }
}

const changeOf = async (resource: PlannedResource, body: JsonObject, question: Question): Promise<ResourceChange> => {
  const { id, apiVersion } = resource
  const { caller, origin } = question.input
  const there = await find(resource, question)
  if (there.status === 404) return { resourceId: id, changeType: 'Create', after: newPayload(resource, body) }
  if (there.status >= 400 || !isObject(there.body)) return unsupported(resource, refusalIn(there))
  const before = payloadOf(there.body, apiVersion)
  const foreseen = await question.arm.preview({ method: 'PUT', path: id, apiVersion, caller, origin, body })
  if (foreseen.status >= 400 || !isObject(foreseen.body)) return unsupported(resource, refusalIn(foreseen))
  const after = payloadOf(foreseen.body, apiVersion)
  const delta = comparePayloads(before, after)
  return { resourceId: id, changeType: delta.length > 0 ? 'Modify' : 'NoChange', before, after, delta }
}

const newPayload = ({ id, type, name, apiVersion }: PlannedResource, body: JsonObject): JsonObject => ({
  apiVersion,
  id,
  type,
  name: name.split('/').at(-1) ?? name,
  ...body,
})

/** What the group has and the template has not: ignored, or deleted in mode Complete. */
const changesOfTheRest = async (
  id: ResourceId,
  wish: Wish,
  { opened }: Prepared,
  { arm, input, idsOnly }: Question,
): Promise<ResourceChange[]> => {
  if (!id.group) return []
  const documents = await listAll(arm.resources, { groupKey: id.group.key })
  const changes: ResourceChange[] = []
  for (const document of restOf(documents, opened)) {
    const change = { resourceId: document.id, changeType: wish.mode === 'Complete' ? 'Delete' : 'Ignore' } as const
    const { caller, origin } = input
    const there = idsOnly ? undefined : await arm.send({ method: 'GET', path: document.id, caller, origin })
    const payload = isObject(there?.body) && there.status < 400 ? payloadOf(there.body, '2025-12-03') : undefined
    const both = change.changeType === 'Ignore' && payload ? { after: payload } : {}
    changes.push({ ...change, ...(payload ? { before: payload } : {}), ...both })
  }
  return changes
}
