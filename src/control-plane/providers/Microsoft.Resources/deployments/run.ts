import { createHash } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { ArmError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm } from '#arm/resource-type.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import type { DeploymentRecord } from './deployment-store.ts'
import { type Prepared, prepareDeployment } from './prepare-deployment.ts'
import type { Mode } from './read-deployment.ts'
import type { RunInput } from './run-input.ts'

/** One run of a deployment's work. */
export interface Run {
  readonly document: ResourceDocument
  readonly id: ResourceId
  readonly input: RunInput
  readonly prepared: Prepared
  readonly parts: DeploymentParts
  readonly arm: Arm
  /** What became of each resource before this start of the process, by operation id. */
  readonly before: ReadonlyMap<string, DeploymentRecord>
}

/** Opens what was kept of the deployment. */
export const openRun = async (
  document: ResourceDocument,
  input: RunInput,
  parts: DeploymentParts,
  arm: Arm,
): Promise<Run> => {
  const id = ResourceId.parse(document.id)
  const { template, parameters } = await parts.deployments.content(document.uid)
  invariant(id && template, `The deployment ${document.id} has no template.`)
  const { location } = document.envelope
  const wish = {
    template,
    parameters,
    mode: document.properties.mode as Mode,
    ...(typeof location === 'string' ? { location } : {}),
  }
  const prepared = await prepareDeployment({ id, wish, ...input }, parts, arm)
  const records = await parts.deployments.records(document.uid)
  const before = new Map(records.map(record => [record.operationId, record]))
  return { document, id, input, prepared, parts, arm, before }
}

type Target = NonNullable<DeploymentRecord['target']>

/** The same for the same work on the same resource, so that a record is found again after a crash. */
export const operationIdOf = (operation: DeploymentRecord['operation'], target: Target | undefined): string =>
  createHash('sha256').update(`${operation} ${target?.id.toLowerCase()}`).digest('hex').slice(0, 16).toUpperCase()

/**
 * Runs one operation of a deployment and keeps what became of it. One that had ended before a crash does not run again; `work` is
 * told whether it may have been begun before.
 */
export const recorded = async (
  run: Run,
  operation: DeploymentRecord['operation'],
  target: Target | undefined,
  work: (begunBefore: boolean) => Promise<{ readonly status: number }>,
): Promise<void> => {
  const { deployments } = run.parts
  const operationId = operationIdOf(operation, target)
  const known = run.before.get(operationId)
  if (known?.state === 'Succeeded') return
  const startedAt = known?.startedAt ?? nowOf(run)
  const record = { operationId, operation, startedAt, ...(target ? { target } : {}) }
  await deployments.keepRecord(run.document.uid, { ...record, state: 'Running', timestamp: nowOf(run) })
  try {
    const { status } = await work(known !== undefined)
    const statusCode = nameOf(status)
    await deployments.keepRecord(run.document.uid, { ...record, state: 'Succeeded', timestamp: nowOf(run), statusCode })
  } catch (error) {
    const { redact } = run.prepared.opened
    if (!(error instanceof ArmError)) throw error
    const failure = redact({ error: error.toOperationError() } as unknown as Json)
    const ended = { timestamp: nowOf(run), statusCode: nameOf(error.status), statusMessage: failure }
    await deployments.keepRecord(run.document.uid, { ...record, state: 'Failed', ...ended })
    throw error
  }
}

const nowOf = (run: Run) => run.arm.clock.now().toISOString()

/** `BadRequest`, as .NET names the statuses of HTTP. */
const nameOf = (status: number): string => (STATUS_CODES[status] ?? String(status)).replaceAll(/[^A-Za-z0-9]/g, '')
