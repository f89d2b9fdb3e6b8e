import { isWithin } from '#access/access-index.ts'
import type { Role } from '#access/role.ts'

/** Whether a role can be given at a scope: it names the scope, or one above it. */
export const isAssignableAt = ({ assignableScopes }: Pick<Role, 'assignableScopes'>, scope: string): boolean =>
  assignableScopes.some(above => isWithin(scope.toLowerCase(), above === '/' ? '' : above.toLowerCase()))
