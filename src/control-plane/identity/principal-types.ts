import type { Directory } from './directory.ts'
import type { Groups } from './groups.ts'

/** What role assignments call a principal. A managed identity is a service principal to them. */
export type PrincipalType = 'User' | 'Group' | 'ServicePrincipal'

/** Finds out what has an object id, and in which tenant. */
export const principalsOf =
  ({ directory, groups }: { readonly directory: Pick<Directory, 'find'>; readonly groups: Pick<Groups, 'find'> }) =>
  async (objectId: string): Promise<{ readonly tenantId: string; readonly type: PrincipalType } | undefined> => {
    const found = (await directory.find({ objectId }))?.principal
    if (found) return { tenantId: found.tenantId, type: found.kind === 'User' ? 'User' : 'ServicePrincipal' }
    const group = await groups.find(objectId)
    return group && { tenantId: group.tenantId, type: 'Group' }
  }
