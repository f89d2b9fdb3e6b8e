import type { Access } from '#access/access.ts'
import type { PrincipalType } from '#access/access-record.ts'

export interface AuthorizationParts {
  readonly access: Access
  /** Who has an object id, whichever tenant it is in. */
  findPrincipal(objectId: string): Promise<{ readonly tenantId: string; readonly type: PrincipalType } | undefined>
}
