import type { Database } from '#foundation/database.ts'
import { type Operations, SubjectBusy } from '#operations/operations.ts'
import { DocumentChanged } from '#resources/resources.ts'
import type { Arm, Work } from './resource-type.ts'

interface Parts {
  readonly arm: Pick<Arm, 'resources' | 'random'>
  readonly database: Database
  readonly operations: Operations
}

/** Begins work on a failed resource that nobody asked for just now. False if it is no longer failed, or somebody else works on it. */
export const takeUpAgain = async (key: string, work: Work, { arm, database, operations }: Parts): Promise<boolean> => {
  try {
    const begun = await database.transact(async transaction => {
      const document = await arm.resources.find(key, transaction)
      if (document?.provisioningState !== 'Failed') return false
      await arm.resources.update(transaction, { ...document, provisioningState: 'Updating' })
      const { kind, input } = work
      // Nobody polls it: what labels say beyond the verb is for those who do.
      await operations.enqueue(transaction, {
        id: arm.random.uuid(),
        kind,
        input,
        subject: key,
        labels: { method: 'PUT' },
      })
      return true
    })
    if (begun) operations.wake()
    return begun
  } catch (error) {
    if (error instanceof SubjectBusy || error instanceof DocumentChanged) return false
    throw error
  }
}
