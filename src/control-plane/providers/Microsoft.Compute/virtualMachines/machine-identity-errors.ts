import { row } from '#arm/arm-error.ts'

/** Refusals of the identities of virtual machines, in Azure's words. */
export const machineIdentityError = {
  idsMissing: row(
    400,
    'MissingIdentityIds',
    'user-assigned identities of which none is named',
    () => "The identity ids must not be null or empty for 'UserAssigned' identity type.",
  ),
  idsUnexpected: row(
    400,
    'InvalidParameter',
    'user-assigned identities for a machine that is to have none',
    (type: string) => `ResourceIdentity identityIds should not be provided if the type is "${type}".`,
    () => 'resourceIdentity.identityIds',
  ),
  valueInvalid: row(
    400,
    'InvalidIdentityValues',
    'a user-assigned identity with a value of its own',
    (id: string) =>
      `Invalid value for the identities '${id}'. The 'UserAssigned' identity keys must only be empty json objects, null or the resource exisiting property.`,
  ),
  tooMany: row(
    400,
    'InvalidParameter',
    'more user-assigned identities than a machine can have',
    (limit: number) => `A virtual machine can have up to ${limit} user-assigned identities.`,
    () => 'resourceIdentity.identityIds',
  ),
  missing: row(
    400,
    'FailedIdentityOperation',
    'a user-assigned identity that is not there',
    (machine: string, id: string) =>
      `Identity operation for resource '${machine}' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: '{"error":{"code":"BadRequest","message":"Resource '${id}' was not found."}}'.'.`,
  ),
}
