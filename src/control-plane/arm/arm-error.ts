import type { OperationError } from '#operations/operations.ts'

/** A refusal as ARM tells it: `{"error":{"code","message","target","details"}}` with an HTTP status. */
export class ArmError extends Error {
  override readonly name = 'ArmError'
  readonly status: number
  readonly code: string
  readonly target: string | undefined
  readonly details: readonly OperationError[] | undefined
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: string,
    message: string,
    more: {
      target?: string
      details?: readonly OperationError[]
      headers?: Record<string, string>
      cause?: unknown
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.status = status
    this.code = code
    this.target = more.target
    this.details = more.details
    this.headers = more.headers ?? {}
  }

  toOperationError(): OperationError {
    return {
      code: this.code,
      message: this.message,
      ...(this.target === undefined ? {} : { target: this.target }),
      ...(this.details === undefined ? {} : { details: this.details }),
    }
  }
}

/** One row of an error table: what docs/errors.md shows and what `throw` uses. */
export interface ErrorRow<Arguments extends readonly unknown[]> {
  (...values: Arguments): ArmError
  readonly status: number
  readonly code: string
  /** When it is given, in a few words. */
  readonly when: string
}

/** Declares a row. `message` builds the sentence; `target` names the property path of a bad value, if there is one. */
export const row = <Arguments extends readonly unknown[]>(
  status: number,
  code: string,
  when: string,
  message: (...values: Arguments) => string,
  target?: (...values: Arguments) => string,
): ErrorRow<Arguments> =>
  Object.assign(
    (...values: Arguments) =>
      new ArmError(status, code, message(...values), target ? { target: target(...values) } : {}),
    { status, code, when },
  )

/** Azure's deserialiser names paths from `properties` on, its rules from the body's name on (`galleryImage.properties`). */
const withoutBody = (path: string) => path.slice(Math.max(0, path.indexOf('properties')))

/**
 * The refusals that every type shares. Sentences are Azure's where a client or a user has been seen to read them.
 * Rows that only one provider needs stand in a table of the same form beside it.
 */
export const armError = {
  missingApiVersion: row(
    400,
    'MissingApiVersionParameter',
    'a request without api-version',
    () => 'The api-version query parameter (?api-version=) is required for all requests.',
  ),
  invalidApiVersion: row(
    400,
    'InvalidApiVersionParameter',
    'an api-version that is no date of 2015 or later',
    (version: string) =>
      `The api-version '${version}' is invalid. It must be a date of 2015-01-01 or later, optionally followed by '-preview'.`,
  ),
  noRegisteredProvider: row(
    404,
    'InvalidResourceType',
    'a type that is not there',
    (namespace: string, type: string) =>
      `The resource type '${type}' could not be found in the namespace '${namespace}'. See docs/fidelity.md for the types that are there.`,
  ),
  invalidResourceNamespace: row(
    404,
    'InvalidResourceNamespace',
    'a provider that is not there',
    (namespace: string) => `The resource namespace '${namespace}' is invalid.`,
  ),
  invalidPath: row(
    400,
    'InvalidRequestUri',
    'a path that is no resource id',
    () => 'The request path is not a valid resource id.',
  ),
  authenticationMissing: row(
    401,
    'AuthenticationFailed',
    'a request without a token',
    () => "Authentication failed. The 'Authorization' header is missing.",
  ),
  invalidToken: row(
    401,
    'InvalidAuthenticationToken',
    'a token that is forged, foreign or malformed',
    (reason: string) => `The access token is invalid. ${reason}`,
  ),
  invalidTokenAudience: row(
    401,
    'InvalidAuthenticationTokenAudience',
    'a token for another service',
    (audience: string) =>
      `The access token has been obtained for wrong audience or resource '${audience}'. It should exactly match the endpoint of this server, or 'https://management.azure.com'.`,
  ),
  expiredToken: row(
    401,
    'ExpiredAuthenticationToken',
    'a token past its end',
    (detail: string) => `The access token has expired. ${detail}`,
  ),
  authorizationFailed: row(
    403,
    'AuthorizationFailed',
    'a caller without the right',
    (clientId: string, objectId: string, action: string, scope: string) =>
      `The client '${clientId}' with object id '${objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  ),
  linkedAuthorizationFailed: row(
    403,
    'LinkedAuthorizationFailed',
    'a right on the target, none on what it names',
    (clientId: string, objectId: string, action: string, scope: string, linkedAction: string, linkedScope: string) =>
      `The client '${clientId}' with object id '${objectId}' has permission to perform action '${action}' on scope '${scope}'; however, it does not have permission to perform action '${linkedAction}' on the linked scope(s) '${linkedScope}' or the linked scope(s) are invalid.`,
  ),
  subscriptionNotFound: row(
    404,
    'SubscriptionNotFound',
    'an unknown subscription',
    (subscription: string) => `The subscription '${subscription}' could not be found.`,
  ),
  resourceGroupNotFound: row(
    404,
    'ResourceGroupNotFound',
    'an unknown resource group',
    (group: string) => `Resource group '${group}' could not be found.`,
  ),
  resourceGroupBeingDeleted: row(
    409,
    'ResourceGroupBeingDeleted',
    'a write into a group that is being deleted',
    (group: string) => `The resource group '${group}' is in deprovisioning state and cannot perform this operation.`,
  ),
  resourceNotFound: row(
    404,
    'ResourceNotFound',
    'a resource that is not there',
    (typeAndNames: string, group: string) =>
      `The Resource '${typeAndNames}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  ),
  parentResourceNotFound: row(
    404,
    'ParentResourceNotFound',
    'a nested resource whose parent is not there',
    (parent: string) =>
      `Can not perform requested operation on nested resource. Parent resource '${parent}' not found.`,
  ),
  methodNotAllowed: row(
    405,
    'MethodNotAllowed',
    'a verb that the type does not have',
    (method: string, type: string) => `The HTTP method '${method}' is not supported for resources of type '${type}'.`,
  ),
  unknownAction: row(
    404,
    'InvalidResourceType',
    'a POST action that the type does not have',
    (action: string, type: string) => `The action '${action}' could not be found on the resource type '${type}'.`,
  ),
  locationRequired: row(
    400,
    'LocationRequired',
    'a tracked resource without location',
    () => 'The location property is required for this definition.',
  ),
  locationNotAvailable: row(
    400,
    'LocationNotAvailableForResourceType',
    'a location that is not configured',
    (location: string, type: string, available: readonly string[]) =>
      `The provided location '${location}' is not available for resource type '${type}'. List of available regions for the resource type is '${available.join(',')}'.`,
  ),
  invalidResourceLocation: row(
    409,
    'InvalidResourceLocation',
    'an existing name with another location',
    (name: string, existing: string, group: string, wanted: string) =>
      `The resource '${name}' already exists in location '${existing}' in resource group '${group}'. A resource with the same name cannot be created in location '${wanted}'. Please select a new resource name.`,
  ),
  invalidResourceGroupLocation: row(
    409,
    'InvalidResourceGroupLocation',
    'an existing group with another location',
    (existing: string) =>
      `Invalid resource group location. The Resource group already exists in location '${existing}'.`,
  ),
  invalidResourceName: row(
    400,
    'InvalidResourceName',
    'a name with forbidden trailing characters',
    (name: string, trailing: string, set: string) =>
      `The provided resource name '${name}' has these invalid trailing characters: '${trailing}'. The name can not end with characters: '${set}'.`,
  ),
  invalidRequestContent: row(
    400,
    'InvalidRequestContent',
    'a body that is not JSON, or not of the right form',
    (reason: string) => `The request content was invalid and could not be deserialized: '${reason}'.`,
  ),
  missingRequestBody: row(
    400,
    'MissingRequestBody',
    'a write without body',
    () => 'The request body is missing or empty. A JSON object is required.',
  ),
  requestTooLarge: row(
    413,
    'RequestContentTooLarge',
    'a body or header beyond the limit',
    (limitBytes: number) => `The request content size exceeds the maximum of ${limitBytes} bytes.`,
  ),
  wrongType: row(
    400,
    'BadRequest',
    'a value of the wrong JSON type',
    (value: string, expected: string, path: string) =>
      `Error converting value ${value} to type '${expected}'. Path '${withoutBody(path)}'.`,
    (_value, _expected, path) => path,
  ),
  unknownMember: row(
    400,
    'BadRequest',
    'a property that the type does not have',
    (member: string, type: string, path: string) =>
      `Could not find member '${member}' on object of type '${type}'. Path '${withoutBody(path)}'.`,
    (_member, _type, path) => path,
  ),
  missingProperty: row(
    400,
    'InvalidParameter',
    'a required property that is absent',
    (path: string) => `Required parameter '${path}' is missing (null).`,
    path => path,
  ),
  invalidValue: row(
    400,
    'InvalidParameter',
    'a value outside of its set or pattern',
    (path: string, value: string, allowed: string) =>
      `The value '${value}' of parameter '${path}' is invalid. ${allowed}`,
    path => path,
  ),
  invalidParameter: row(
    400,
    'InvalidParameter',
    'a value that breaks a rule',
    (message: string, _path: string) => message,
    (_message, path) => path,
  ),
  outOfRange: row(
    400,
    'InvalidParameter',
    'a number out of range',
    (value: number, path: string, minimum: number, maximum: number) =>
      `The value ${value} of parameter '${path}' is out of range. The value must be between ${minimum} and ${maximum}, inclusive.`,
    (_value, path) => path,
  ),
  invalidResourceReference: row(
    400,
    'InvalidParameter',
    'a reference that is no resource id',
    (id: string, path: string) =>
      `Property id '${id.slice(0, 200)}' at path '${withoutBody(path)}' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.`,
    (_id, path) => path,
  ),
  notADate: row(
    400,
    'InvalidRequestContent',
    'a date that is none',
    (value: string, path: string) =>
      `Could not convert string to DateTimeOffset: ${value}. Path '${withoutBody(path)}'.`,
    (_value, path) => path,
  ),
  propertyChangeNotAllowed: row(
    409,
    'PropertyChangeNotAllowed',
    'a change of an immutable property',
    (path: string) => `Changing property '${path}' is not allowed.`,
    path => path,
  ),
  invalidTags: row(400, 'InvalidTags', 'tags beyond the limits', (reason: string) => reason),
  tagInUse: row(
    409,
    'TagInUse',
    'a delete of a tag name or value that resources carry',
    (tag: string) => `The tag '${tag}' is in use. Remove it from all resources before deleting it.`,
  ),
  cannotDeleteResource: row(
    409,
    'CannotDeleteResource',
    'a delete of a resource with nested resources',
    (nested: readonly string[]) =>
      `Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '${nested.join(', ')}'. Please delete all nested resources before deleting this resource.`,
  ),
  concurrentChange: row(
    409,
    'Conflict',
    'two writers at once',
    () => 'The request failed due to conflict with a concurrent request. Read the resource again and retry.',
  ),
  operationInProgress: row(
    409,
    'OperationNotAllowed',
    'a write while an operation works on the resource',
    (verb: string, name: string) =>
      `Operation '${verb}' is not allowed on '${name}' since another operation on it is in progress. Wait for it to complete, then retry.`,
  ),
  markedForDeletion: row(
    409,
    'OperationNotAllowed',
    'a write to a resource that is being deleted',
    (verb: string, name: string) =>
      `Operation '${verb}' is not allowed on '${name}' since it is marked for deletion. You can only retry the Delete operation (or wait for an ongoing one to complete).`,
  ),
  preconditionFailed: row(
    412,
    'PreconditionFailed',
    'an If-Match or If-None-Match that does not hold',
    (id: string) => `The condition specified by the ETag is not satisfied for '${id}'.`,
  ),
  invalidFilter: row(
    400,
    'InvalidFilterInQueryString',
    'a $filter that can not be used',
    (filter: string) => `Invalid $filter '${filter}' specified in the query string.`,
  ),
  invalidQueryParameter: row(
    400,
    'InvalidQueryParameterValue',
    'a query parameter that can not be used',
    (name: string, value: string) => `The value '${value}' of query parameter '${name}' is not supported here.`,
  ),
  tooManyRequests: Object.assign(
    (retryAfterSeconds: number) =>
      new ArmError(
        429,
        'TooManyRequests',
        `The request is being throttled as the limit has been reached. Please retry after ${retryAfterSeconds} seconds.`,
        { headers: { 'retry-after': String(retryAfterSeconds) } },
      ),
    { status: 429, code: 'TooManyRequests', when: 'more requests than the rate limit allows' },
  ),
  notServed: row(
    400,
    'OperationNotSupported',
    'something of Azure that is not there',
    (what: string) => `${what} is not available in OpenGallery. See docs/fidelity.md.`,
  ),
  operationCanceled: row(
    409,
    'OperationCanceled',
    'an operation that was cancelled',
    () => 'The operation was canceled.',
  ),
  internalError: row(
    500,
    'InternalServerError',
    'a bug',
    (requestId: string) =>
      `An internal error occurred. The request id is '${requestId}'; the log of the server says more.`,
  ),
} as const satisfies Record<string, ErrorRow<never[]>>
