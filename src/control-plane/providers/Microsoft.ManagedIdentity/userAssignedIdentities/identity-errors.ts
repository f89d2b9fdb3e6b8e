import { row } from '#arm/arm-error.ts'

/** Refusals of managed identities. */
export const identityError = {
  nameInvalid: row(
    400,
    'InvalidResourceName',
    'an identity name that breaks the rule',
    (name: string) =>
      `The resource name '${name}' is invalid. It must have 3 to 128 letters, digits, '-' and '_', and begin with a letter or digit.`,
  ),
  credentialRefused: row(400, 'BadRequest', 'a federated identity credential that breaks a rule', (why: string) => why),
  issuerNotAccepted: row(
    400,
    'IssuerNotAccepted',
    'a federated identity credential for an issuer that the operator of the installation has not named',
    (issuer: string) =>
      `Tokens of the issuer '${issuer}' are not accepted here: the operator of the installation names it in the file of outside issuers first.`,
  ),
}
