import { row } from '#arm/arm-error.ts'

/** What roles, assignments and locks are refused with; ids in messages are without dashes where Azure's are. */
export const authorizationError = {
  invalidAssignmentId: row(
    400,
    'InvalidRoleAssignmentId',
    'an assignment whose name is no GUID',
    (name: string) => `The role assignment ID '${name}' is not valid. The role assignment ID must be a GUID.`,
  ),
  invalidDefinitionId: row(
    400,
    'InvalidRoleDefinitionId',
    'a role whose name is no GUID',
    (name: string) => `The role definition ID '${name}' is not valid. The role definition ID must be a GUID.`,
  ),
  assignmentExists: row(
    409,
    'RoleAssignmentExists',
    'a role that the principal has at the scope already',
    (existing: string) =>
      `The role assignment already exists. The ID of the existing role assignment is ${existing.replaceAll('-', '')}.`,
  ),
  assignmentUpdateNotPermitted: row(
    409,
    'RoleAssignmentUpdateNotPermitted',
    'an assignment of that name that says something else',
    () => 'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
  ),
  assignmentNotFound: row(
    404,
    'RoleAssignmentNotFound',
    'an assignment that is not there',
    (name: string) => `The role assignment '${name}' is not found.`,
  ),
  principalNotFound: row(
    400,
    'PrincipalNotFound',
    'an assignment to nobody of the tenant',
    (principal: string, tenant: string) =>
      `Principal ${principal.replaceAll('-', '')} does not exist in the directory ${tenant}. Check that you have the correct principal ID: the object id of a user, a group or a service principal.`,
  ),
  principalTypeNotSupported: row(
    400,
    'PrincipalTypeNotSupported',
    'a type of principal that is not there',
    (type: string) => `Principals of type ${type} cannot validly be used in role assignments.`,
  ),
  unmatchedPrincipalType: row(
    400,
    'UnmatchedPrincipalType',
    'a principal of another type than said',
    (principal: string, type: string, said: string) =>
      `The PrincipalId '${principal}' has type '${type}', which is different from specified PrincipalType '${said}'.`,
  ),
  definitionDoesNotExist: row(
    404,
    'RoleDefinitionDoesNotExist',
    'a role that is not there',
    (role: string) => `The specified role definition with ID '${role.replaceAll('-', '')}' does not exist.`,
  ),
  notAssignableHere: row(
    400,
    'RoleAssignmentScopeNotAssignableToRoleDefinition',
    'a custom role outside of its assignable scopes',
    (scope: string, role: string) => `The assignment scope '${scope}' is not assignable to role definition '${role}'.`,
  ),
  lastOwner: row(
    400,
    'CannotDeleteLastRbacAdminAssignment',
    'the removal of the last owner of a subscription or tenant',
    () => 'Cannot delete the last RBAC admin assignment: nobody could give roles any more.',
  ),
  sameName: row(
    409,
    'RoleDefinitionWithSameNameExists',
    'a custom role with a name that is taken',
    (name: string) =>
      `A custom role with the same name already exists in this directory. Use a different name than '${name}'.`,
  ),
  builtIn: row(
    403,
    'RoleDefinitionIsBuiltIn',
    'a change of a built-in role',
    (name: string) => `The built-in role '${name}' cannot be changed or deleted. Make a custom role instead.`,
  ),
  hasAssignments: row(
    409,
    'RoleDefinitionHasAssignments',
    'the deletion of a role that somebody has',
    (role: string) => `There are existing role assignments referencing role '${role}'. Delete them first.`,
  ),
  scopeHasAssignments: row(
    409,
    'RoleScopeBeingRemovedContainsAssignments',
    'a custom role that no longer names a scope in which somebody has it',
    (scope: string) =>
      `Role assignments found under scope '${scope}' which is being removed. Removing this scope from the role will orphan these assignments. Delete these assignments before removing the scope.`,
  ),
  permissionsMissing: row(
    400,
    'InvalidRoleDefinitionPermissions',
    'a custom role with no set of permissions, or several',
    () => 'A role definition has exactly one set of permissions (actions, notActions, dataActions, notDataActions).',
  ),
  invalidAction: row(
    400,
    'InvalidActionOrNotAction',
    'an action that no action string can match',
    (action: string) =>
      `'${action}' is no action. An action is written as 'Provider.Namespace/type/verb', in which '*' stands for any text.`,
  ),
  invalidAssignableScope: row(
    400,
    'InvalidAssignableScope',
    'a custom role for something that is no subscription or group',
    (scope: string) =>
      `The assignable scope '${scope}' is not valid. A custom role names subscriptions and resource groups that are there.`,
  ),
  invalidLockScope: row(
    400,
    'InvalidLockScope',
    'a lock on the tenant',
    () => 'A lock is placed on a subscription, a resource group or a resource.',
  ),
} as const
