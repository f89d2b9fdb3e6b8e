import { ArmError, armError } from '#arm/arm-error.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import type { OperationError } from '#operations/operations.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { NotLookedUp } from '#templates/frame.ts'
import type { OpenTemplate } from '#templates/open-template.ts'
import type { PlannedResource } from '#templates/planned-resource.ts'
import { TemplateFault } from '#templates/template-fault.ts'
import { invalidDeployment } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { made } from './describe-deployment.ts'
import { giveWay } from './give-way.ts'
import type { Wish } from './read-deployment.ts'

const MAX_TOLD = 20

interface Who {
  readonly caller: Caller
  readonly level: Wish['validationLevel']
}

/**
 * What can be refused before anything is made: types that are not there, scopes that are missing, rights that the caller lacks.
 * Throws `InvalidTemplateDeployment` with all of it.
 */
export const preflight = async (
  name: string,
  opened: OpenTemplate,
  who: Who,
  parts: DeploymentParts,
  arm: Arm,
): Promise<void> => {
  if (who.level === 'Template') return
  const details: OperationError[] = []
  for (const resource of made(opened.resources)) {
    await giveWay()
    const refusal = await refusalOf(resource, opened, who, parts, arm)
    if (refusal) details.push(refusal.toOperationError())
    if (details.length === MAX_TOLD) break
  }
  if (details.length > 0) throw invalidDeployment(name, arm.random.uuid(), details)
}

const refusalOf = async (
  resource: PlannedResource,
  opened: OpenTemplate,
  who: Who,
  parts: DeploymentParts,
  arm: Arm,
): Promise<ArmError | undefined> => {
  try {
    const id = ResourceId.parse(resource.id)
    if (!id) throw armError.invalidPath()
    const type = parts.registry().require(id.type)
    if (!type.plan && !type.computed?.write) throw armError.methodNotAllowed('PUT', type.type)
    await requireSubscription(id, arm)
    // Before it is told whether a group is there.
    if (who.level === 'Provider') await requireRight(who.caller, `${type.type}/write`, id, arm)
    await requireGroup(id, opened, who, arm)
    const body = type.preflight && bodyOf(resource, opened)
    if (body) await type.preflight?.({ id, request: { caller: who.caller }, body }, arm)
    return undefined
  } catch (error) {
    if (error instanceof ArmError) return error
    throw error
  }
}

/** The content of a resource, unless it hangs on what is still to be made. */
const bodyOf = (resource: PlannedResource, opened: OpenTemplate): JsonObject | undefined => {
  try {
    return opened.body(resource)
  } catch (error) {
    // A fault of the template is told when it comes to this resource, as ever.
    if (error instanceof NotLookedUp || error instanceof TemplateFault) return undefined
    throw error
  }
}

const requireSubscription = async ({ subscription }: ResourceId, arm: Arm): Promise<void> => {
  if (subscription && !(await arm.resources.find(subscription.key)))
    throw armError.subscriptionNotFound(subscription.name)
}

const READ_GROUP = 'Microsoft.Resources/subscriptions/resourceGroups/read'

/** A group that is there, or that this very template makes. Whoever may not read it, and is not asked for a right, does not learn of it here. */
const requireGroup = async (id: ResourceId, opened: OpenTemplate, { caller, level }: Who, arm: Arm): Promise<void> => {
  const { group } = id
  if (!group || group.key === id.key || opened.find(group.toString())) return
  if (level !== 'Provider' && !(await arm.mayDo(caller, READ_GROUP, group))) return
  if (!(await arm.resources.find(group.key))) throw armError.resourceGroupNotFound(group.name)
}
