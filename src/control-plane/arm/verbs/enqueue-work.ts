import type { Transaction } from '#foundation/database.ts'
import { type Operation, SubjectBusy } from '#operations/operations.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { armError } from '../arm-error.ts'
import { operationLabels } from '../operation-urls.ts'
import type { ArmRequest, ResourceType, Work } from '../resource-type.ts'
import type { VerbParts } from './context.ts'

/** Saves the operation of a resource in the transaction that saves the resource itself. */
export const enqueueWork = async (
  transaction: Transaction,
  type: ResourceType,
  document: ResourceDocument,
  work: Work,
  request: ArmRequest,
  { operations, arm }: VerbParts,
): Promise<Operation> => {
  try {
    return await operations.enqueue(transaction, {
      id: arm.random.uuid(),
      kind: work.kind,
      subject: document.key,
      input: work.input,
      labels: operationLabels(type, document, request),
    })
  } catch (error) {
    if (error instanceof SubjectBusy) throw armError.operationInProgress(request.method, document.name)
    throw error
  }
}
