import { ArmError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { OperationError } from '#operations/operations.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import type { OpenTemplate } from '#templates/open-template.ts'
import { deploymentFailed } from './deployment-errors.ts'
import { made } from './describe-deployment.ts'
import { giveWay } from './give-way.ts'
import { refusalIn } from './look-ups.ts'
import { type Run, recorded } from './run.ts'

/** Resources refer to each other in ways that only their own rules know; each round deletes what nothing holds back any more. */
const ROUNDS = 5

/** Deletes what the group has and the template has not, nested resources first. Throws `DeploymentFailed` for what may not go. */
export const deleteTheRest = async (run: Run, signal: AbortSignal): Promise<void> => {
  const { arm, id, document, prepared } = run
  const documents = await listAll(arm.resources, { groupKey: id.scope.key })
  let left = restOf(documents, prepared.opened).toSorted((a, b) => depth(b) - depth(a))
  let failures: ArmError[] = []
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    failures = []
    const held: ResourceDocument[] = []
    for (const resource of left) {
      await giveWay()
      signal.throwIfAborted()
      const failure = await deleteOne(resource, run)
      if (failure) {
        failures.push(failure)
        held.push(resource)
      }
    }
    left = held
  }
  if (failures.length === 0) return
  const details = failures.map(failure => failure.toOperationError()) as unknown as Json
  throw deploymentFailed(document.id, prepared.opened.redact(details) as unknown as OperationError[])
}

/** Resources of the group (those with a location) that the template does not make. */
export const restOf = (documents: readonly ResourceDocument[], opened: OpenTemplate): ResourceDocument[] => {
  const kept = new Set(made(opened.resources).map(({ id }) => id.toLowerCase()))
  return documents.filter(({ key, location }) => location !== undefined && !kept.has(key))
}

const depth = ({ key }: ResourceDocument) => key.split('/').length

const deleteOne = async (resource: ResourceDocument, run: Run): Promise<ArmError | undefined> => {
  const { caller, origin } = run.input
  const target = {
    id: resource.id,
    resourceType: resource.type,
    resourceName: ResourceId.parse(resource.id)?.names.join('/') ?? resource.name,
  }
  try {
    await recorded(run, 'Delete', target, async () => {
      const answer = await run.arm.complete({ method: 'DELETE', path: resource.id, caller, origin })
      if (answer.status >= 400) throw refusalIn(answer)
      return answer
    })
    return undefined
  } catch (error) {
    if (error instanceof ArmError) return error
    throw error
  }
}
