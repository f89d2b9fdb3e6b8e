import type { ActivityLog } from '#activity/activity-log.ts'
import type { Transaction } from '#foundation/database.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Operation, OperationDefinition, OperationError } from '#operations/operations.ts'
import type { JsonObject, ProvisioningState, ResourceDocument } from '#resources/resource-document.ts'
import { ArmError } from './arm-error.ts'
import { internalError } from './internal-error.ts'
import { actorOf, endOfWork } from './request-activity.ts'
import type { Arm, Outcome, ResourceOperation } from './resource-type.ts'

/**
 * A provider's work as the engine runs it: the document is read at the start, and what became of it is saved in the commit that ends
 * the operation: `Succeeded`, `Failed`, or gone.
 */
export const defineResourceOperation = (
  work: ResourceOperation,
  arm: Arm,
  activityLog: ActivityLog,
): OperationDefinition => {
  const conclude = async (
    transaction: Transaction,
    operation: Operation,
    state: 'Succeeded' | 'Failed' | 'Canceled',
    outcome: Settled,
    errorCode?: string,
  ): Promise<void> => {
    const document = await settle(arm, transaction, operation, state, outcome)
    // Work that nobody asked for just now is done in the server's own name.
    const fallback = {
      action: `${document?.type ?? 'OpenGallery/work'}/write`,
      resourceId: document?.id ?? operation.subject,
      actor: actorOf(arm.itself),
    }
    await activityLog.append(transaction, endOfWork(operation, state, fallback, errorCode))
  }
  return {
    kind: work.kind,
    async run({ operation, step, signal, report }) {
      const document = await arm.resources.find(operation.subject)
      invariant(document, `Operation ${operation.id} works on ${operation.subject}, which is not there.`)
      const note = async (change: (hidden: JsonObject) => JsonObject) => {
        await arm.resources.change(document.key, current => ({ ...current, hidden: change(current.hidden) }))
      }
      const input = operation.input as JsonObject
      const outcome = await work.run({ document, input, step, signal, report, note }, arm)
      return {
        ...(outcome.output === undefined ? {} : { output: outcome.output }),
        conclude: async transaction => {
          await outcome.conclude?.(transaction)
          await conclude(transaction, operation, 'Succeeded', outcome)
        },
      }
    },
    async fail(operation, fault) {
      const document = await arm.resources.find(operation.subject)
      const error = explain(work, fault, document)
      return {
        error,
        conclude: async transaction => {
          const kept = document ? work.failed?.(fault, document, arm) : undefined
          await kept?.conclude?.(transaction)
          await conclude(transaction, operation, 'Failed', kept ?? {}, error.code)
        },
      }
    },
    async cancelled(operation) {
      const document = await arm.resources.find(operation.subject)
      return {
        conclude: async transaction => {
          const kept = document ? work.cancelled?.(document, arm) : undefined
          await kept?.conclude?.(transaction)
          await conclude(transaction, operation, 'Canceled', kept ?? {})
        },
      }
    },
  }
}

/** What the end of work changes in the document. */
type Settled = Pick<Outcome, 'properties' | 'hidden' | 'remove'>

const settle = async (
  arm: Arm,
  transaction: Transaction,
  operation: Operation,
  state: ProvisioningState,
  outcome: Settled,
): Promise<ResourceDocument | undefined> => {
  if (outcome.remove) {
    await arm.resources.remove(transaction, operation.subject)
    return undefined
  }
  const current = await arm.resources.find(operation.subject, transaction)
  if (!current) return undefined
  return arm.resources.update(transaction, {
    ...current,
    // An action's work (access to a disk) says nothing about the resource's own state when it fails.
    provisioningState: operation.labels.method === 'POST' ? current.provisioningState : state,
    properties: { ...current.properties, ...outcome.properties },
    hidden: { ...current.hidden, ...outcome.hidden },
    etag: arm.random.uuid(),
  })
}

const explain = (work: ResourceOperation, fault: unknown, document: ResourceDocument | undefined): OperationError => {
  if (fault instanceof ArmError) return fault.toOperationError()
  if (work.explain && document) return work.explain(fault, document)
  return internalError(fault)
}
