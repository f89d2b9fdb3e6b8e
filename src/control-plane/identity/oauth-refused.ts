/** The caller of a token endpoint is refused, with the error that RFC 6749 names and the number that Azure gives it. */
export class OAuthRefused extends Error {
  override readonly name = 'OAuthRefused'
  readonly error: string
  /** What a person is told, without the number. */
  readonly sentence: string
  readonly code: number
  readonly status: number
  constructor([error, code, status]: readonly [string, number, number], sentence: string) {
    super(`AADSTS${code}: ${sentence}`)
    this.error = error
    this.sentence = sentence
    this.code = code
    this.status = status
  }
}

/** Every refusal of the sign-in endpoints. The numbers and sentences are those of Microsoft Entra, so that tools recognise them. */
export const oauthRefused = {
  malformed: () =>
    new OAuthRefused(['invalid_request', 9002313, 400], 'Invalid request. Request is malformed or invalid.'),
  duplicateParameter: (name: string) =>
    new OAuthRefused(
      ['invalid_request', 9000411, 400],
      `The request is not properly formatted. The parameter '${name}' is duplicated.`,
    ),
  missingParameter: (name: string) =>
    new OAuthRefused(
      ['invalid_request', 90014, 400],
      `The required field '${name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.`,
    ),
  unsupportedGrant: (grant: string) =>
    new OAuthRefused(['unsupported_grant_type', 70003, 400], `The app requested an unsupported grant type '${grant}'.`),
  unknownTenant: (tenant: string) =>
    new OAuthRefused(
      ['invalid_request', 90002, 400],
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
    ),
  unknownClient: (clientId: string, tenant: string) =>
    new OAuthRefused(
      ['unauthorized_client', 700016, 400],
      `Application with identifier '${clientId}' was not found in the directory '${tenant}'.`,
    ),
  missingClientCredential: () =>
    new OAuthRefused(
      ['invalid_client', 7000218, 401],
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
  wrongSecret: (clientId: string) =>
    new OAuthRefused(
      ['invalid_client', 7000215, 401],
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
    ),
  expiredSecret: (clientId: string) =>
    new OAuthRefused(
      ['invalid_client', 7000222, 401],
      `The provided client secret keys for app '${clientId}' are expired. Add a new secret for the app.`,
    ),
  disabledClient: (clientId: string) =>
    new OAuthRefused(['unauthorized_client', 7000112, 400], `Application '${clientId}' is disabled.`),
  wrongPassword: () =>
    new OAuthRefused(
      ['invalid_grant', 50126, 400],
      'Error validating credentials due to invalid username or password.',
    ),
  disabledUser: () => new OAuthRefused(['invalid_grant', 50057, 400], 'The user account is disabled.'),
  locked: (until: Date) =>
    new OAuthRefused(
      ['invalid_grant', 50053, 400],
      `There have been too many sign-in attempts with an incorrect user ID or password. Try again after ${until.toISOString()}.`,
    ),
  badScope: (scope: string) =>
    new OAuthRefused(
      ['invalid_scope', 70011, 400],
      `The provided value for the input parameter 'scope' is not valid. The scope '${scope}' does not name exactly one resource.`,
    ),
  unknownResource: (audience: string, tenant: string) =>
    new OAuthRefused(
      ['invalid_resource', 500011, 400],
      `The resource principal named ${audience} was not found in the tenant named ${tenant}.`,
    ),
  badAssertion: (reason: string) =>
    new OAuthRefused(
      ['invalid_client', 700027, 401],
      `The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is not valid. ${reason}`,
    ),
  assertionOutOfTime: () =>
    new OAuthRefused(['invalid_client', 700024, 401], 'Client assertion is not within its valid time range.'),
  assertionForAnother: () =>
    new OAuthRefused(
      ['invalid_client', 700021, 401],
      "Client assertion application identifier doesn't match 'client_id' parameter.",
    ),
  assertionAudience: () =>
    new OAuthRefused(
      ['invalid_client', 700023, 401],
      'Client assertion audience claim does not match Realm issuer: it must be the address of this token endpoint.',
    ),
  federatedIssuer: (issuer: string) =>
    new OAuthRefused(
      ['invalid_client', 700211, 401],
      `No matching federated identity record found for presented assertion issuer '${issuer.slice(0, 200)}', or its tokens are not accepted by this installation.`,
    ),
  federatedAudience: (audience: string) =>
    new OAuthRefused(
      ['invalid_client', 700212, 401],
      `No matching federated identity record found for presented assertion audience '${audience.slice(0, 200)}'.`,
    ),
  federatedSubject: (subject: string) =>
    new OAuthRefused(
      ['invalid_client', 700213, 401],
      `No matching federated identity record found for presented assertion subject '${subject.slice(0, 200)}'.`,
    ),
  federatedSignature: () => new OAuthRefused(['invalid_client', 50013, 401], 'Assertion failed signature validation.'),
  issuerUnreachable: (issuer: string) =>
    new OAuthRefused(
      ['temporarily_unavailable', 90033, 503],
      `The keys of '${issuer.slice(0, 200)}' can not be fetched just now. Please try again.`,
    ),
  badGrant: () => new OAuthRefused(['invalid_grant', 70000, 400], 'Provided grant is invalid or malformed.'),
  expiredRefreshToken: () =>
    new OAuthRefused(['invalid_grant', 700082, 400], 'The refresh token has expired due to inactivity.'),
  revokedGrant: () =>
    new OAuthRefused(
      ['invalid_grant', 50173, 400],
      'The provided grant has been revoked, and a fresh auth token is needed. The user must sign in again.',
    ),
  expiredCode: () => new OAuthRefused(['invalid_grant', 70008, 400], 'The provided authorization code has expired.'),
  wrongVerifier: () =>
    new OAuthRefused(
      ['invalid_grant', 501481, 400],
      'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
    ),
  badRedirect: (redirectUri: string, clientId: string) =>
    new OAuthRefused(
      ['invalid_request', 50011, 400],
      `The redirect URI '${redirectUri}' specified in the request does not match the redirect URIs configured for the application '${clientId}'.`,
    ),
  badResponseType: () =>
    new OAuthRefused(['unsupported_response_type', 700054, 400], "The only supported response_type is 'code'."),
  noChallenge: () =>
    new OAuthRefused(
      ['invalid_request', 9002325, 400],
      'Proof Key for Code Exchange is required: send a code_challenge with the code_challenge_method S256.',
    ),
  pending: () =>
    new OAuthRefused(
      ['authorization_pending', 70016, 400],
      'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
    ),
  slowDown: () =>
    new OAuthRefused(
      ['slow_down', 90055, 400],
      'Polled too often: wait for the interval that came with the device code, and five seconds more.',
    ),
  expiredDeviceCode: () =>
    new OAuthRefused(
      ['expired_token', 70020, 400],
      "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
    ),
  declined: () =>
    new OAuthRefused(['authorization_declined', 70017, 400], 'The end user has denied the authorization request.'),
  tooBusy: () =>
    new OAuthRefused(['temporarily_unavailable', 90033, 503], 'A transient error has occurred. Please try again.'),
}
