import { row } from '#arm/arm-error.ts'

/** Refusals that all network resources share. Sentences are Azure's, as its users' reports quote them. */
export const networkError = {
  nameInvalid: row(
    400,
    'InvalidResourceName',
    'a name that breaks the rule',
    (name: string, longest: number) =>
      `Resource name ${name} is invalid. The name can be up to ${longest} characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'.`,
  ),
  referenceNotFound: row(
    400,
    'InvalidResourceReference',
    'a reference to what is not there, or not in the same region',
    (referenced: string, by: string) =>
      `Resource ${referenced} referenced by resource ${by} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
  ),
  referenceOfOtherType: row(
    400,
    'InvalidResourceReference',
    'a reference to a resource of another type',
    (id: string, path: string, type: string) =>
      `The value ${id} of parameter '${path}' does not refer to a resource of type ${type}.`,
    (_id, path) => path,
  ),
  onlyTags: row(
    400,
    'InvalidRequestFormat',
    'a PATCH of more than tags',
    (member: string) => `Cannot parse the request. A PATCH takes tags only, not '${member}'; send a PUT.`,
    member => member,
  ),
  duplicateMember: row(
    400,
    'DuplicateResourceName',
    'two nested resources of one name in a body',
    (parent: string, name: string) => `Resource ${parent} has two child resources with the same name (${name}).`,
  ),
}
