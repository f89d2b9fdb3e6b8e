/** A refusal as Microsoft Graph tells it: `{"error":{"code","message","innerError"}}` with an HTTP status. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Every refusal of the Graph endpoint, in Microsoft's words where a client or a person is known to read them. */
export const graphError = {
  tokenMissing: () => new GraphError(401, 'InvalidAuthenticationToken', 'Access token is empty.'),
  tokenRefused: (reason: string) =>
    new GraphError(401, 'InvalidAuthenticationToken', `Access token validation failure. ${reason}`),
  denied: () =>
    new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
  tooManyOwned: (most: number) =>
    new GraphError(
      403,
      'Directory_QuotaExceeded',
      `The directory object quota limit for the principal has been exceeded: it owns ${most} objects. Delete some, or ask an administrator.`,
    ),
  notFound: (id: string) =>
    new GraphError(
      404,
      'Request_ResourceNotFound',
      `Resource '${id.slice(0, 200)}' does not exist or one of its queried reference-property objects are not present.`,
    ),
  noSuchPath: (path: string) =>
    new GraphError(
      400,
      'BadRequest',
      `Nothing is served at '${path.slice(0, 200)}'. See docs/identity.md for what of Microsoft Graph is there.`,
    ),
  onlyForUsers: () =>
    new GraphError(400, 'BadRequest', '/me request is only valid with delegated authentication flow.'),
  badBody: () => new GraphError(400, 'BadRequest', 'Unable to read JSON request payload.'),
  missingProperty: (name: string, resource: string) =>
    new GraphError(400, 'Request_BadRequest', `A value is required for property '${name}' of resource '${resource}'.`),
  badProperty: (name: string, resource: string) =>
    new GraphError(
      400,
      'Request_BadRequest',
      `Invalid value specified for property '${name}' of resource '${resource}'.`,
    ),
  unservedProperty: (name: string, resource: string) =>
    new GraphError(
      400,
      'Request_BadRequest',
      `The property '${name.slice(0, 100)}' of resource '${resource}' is not served: leave it out. See docs/identity.md for what of Microsoft Graph is there.`,
    ),
  badDomain: (domains: readonly string[]) =>
    new GraphError(
      400,
      'Request_BadRequest',
      `The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization: ${domains.join(', ')}.`,
    ),
  badFilter: (reason: string) =>
    new GraphError(400, 'Request_UnsupportedQuery', `Unsupported or invalid query filter clause specified: ${reason}`),
  badQuery: (name: string) =>
    new GraphError(400, 'Request_UnsupportedQuery', `The query option '${name.slice(0, 50)}' is not served.`),
  issuerNotAccepted: (issuer: string) =>
    new GraphError(
      400,
      'Request_BadRequest',
      `Tokens of the issuer '${issuer.slice(0, 200)}' are not accepted here: the operator of the installation names it in the file of outside issuers first.`,
    ),
  refused: (message: string) => new GraphError(400, 'Request_BadRequest', message),
  tooLarge: () => new GraphError(413, 'RequestEntityTooLarge', 'The request is too large.'),
  tooManyRequests: () =>
    new GraphError(429, 'TooManyRequests', 'Too many requests. Please wait as long as Retry-After says.'),
  tooBusy: () => new GraphError(503, 'serviceNotAvailable', 'Too much is being checked at once. Please try again.'),
  internal: () => new GraphError(500, 'InternalServerError', 'An unexpected error occurred.'),
}
