import type { ResourceId } from './resource-id.ts'
import type { Caller } from './resource-type.ts'

/** A principal's role at a scope and below. */
export interface Assignment {
  readonly objectId: string
  /** A resource id in lower case; `''` is the whole tenant. */
  readonly scopeKey: string
  readonly role: 'Owner'
}

/** What every principal of the tenant may do, as in Azure: see which tenants, providers and own subscriptions there are. */
const OPEN_TO_ALL = new Set([
  'microsoft.resources/tenants/read',
  'microsoft.resources/subscriptions/read',
  'microsoft.resources/providers/read',
])

/**
 * The one decision that every call passes. An owner may do everything at the scope of the assignment and below it; who has no
 * assignment may only ask what is there to be seen, and the lists then show nothing that is not theirs.
 */
export const authoriseBy =
  (assignments: readonly Assignment[]) =>
  async (caller: Caller, action: string, scope: ResourceId): Promise<boolean> => {
    if (scope.toString() === '' && OPEN_TO_ALL.has(action.toLowerCase())) return true
    const scopeKey = scope.key
    return assignments.some(
      assignment =>
        assignment.objectId.toLowerCase() === caller.objectId.toLowerCase() &&
        (assignment.scopeKey === '' ||
          scopeKey === assignment.scopeKey ||
          scopeKey.startsWith(`${assignment.scopeKey}/`)),
    )
  }
