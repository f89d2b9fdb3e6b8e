import { element } from '#data-plane/xml/write-xml.ts'

/** A refusal in the Blob service's words: its code, status and sentence. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

const refusal =
  (status: number, code: string, message: string) =>
  (detail?: string): StorageError =>
    new StorageError(status, code, detail ? `${message} ${detail}` : message)

/** Every refusal of the blob endpoint, with Azure's codes and sentences (learn.microsoft.com: Blob service error codes). */
export const storageError = {
  accountBeingCreated: refusal(409, 'AccountBeingCreated', 'The specified account is in the process of being created.'),
  authenticationFailed: refusal(
    403,
    'AuthenticationFailed',
    'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.',
  ),
  noAuthentication: () =>
    new StorageError(
      401,
      'NoAuthenticationInformation',
      'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
      { 'www-authenticate': 'SharedKey' },
    ),
  permissionMismatch: refusal(
    403,
    'AuthorizationPermissionMismatch',
    'This request is not authorized to perform this operation using this permission.',
  ),
  resourceTypeMismatch: refusal(
    403,
    'AuthorizationResourceTypeMismatch',
    'This request is not authorized to perform this operation using this resource type.',
  ),
  serviceMismatch: refusal(
    403,
    'AuthorizationServiceMismatch',
    'This request is not authorized to perform this operation using this service.',
  ),
  protocolMismatch: refusal(
    403,
    'AuthorizationProtocolMismatch',
    'This request is not authorized to perform this operation using this protocol.',
  ),
  sourceIpMismatch: refusal(
    403,
    'AuthorizationSourceIPMismatch',
    'This request is not authorized to perform this operation using this source IP.',
  ),
  overwriteUnauthorized: refusal(
    403,
    'UnauthorizedBlobOverwrite',
    'This request is not authorized to perform blob overwrites.',
  ),
  publicAccessNotPermitted: refusal(
    409,
    'PublicAccessNotPermitted',
    'Public access is not permitted on this storage account.',
  ),
  containerNotFound: refusal(404, 'ContainerNotFound', 'The specified container does not exist.'),
  containerAlreadyExists: refusal(409, 'ContainerAlreadyExists', 'The specified container already exists.'),
  blobNotFound: refusal(404, 'BlobNotFound', 'The specified blob does not exist.'),
  blobAlreadyExists: refusal(409, 'BlobAlreadyExists', 'The specified blob already exists.'),
  invalidBlobType: refusal(409, 'InvalidBlobType', 'The blob type is invalid for this operation.'),
  conditionNotMet: refusal(
    412,
    'ConditionNotMet',
    'The condition specified using HTTP conditional header(s) is not met.',
  ),
  sequenceNumberConditionNotMet: refusal(
    412,
    'SequenceNumberConditionNotMet',
    'The sequence number condition specified was not met.',
  ),
  notModified: refusal(304, 'ConditionNotMet', 'The condition specified using HTTP conditional header(s) is not met.'),
  leaseNotPresent: refusal(412, 'LeaseNotPresentWithBlobOperation', 'There is currently no lease on the blob.'),
  snapshotsNotPresent: refusal(400, 'InvalidHeaderValue', 'Blobs have no snapshots here.'),
  invalidRange: (sizeBytes: number) =>
    new StorageError(416, 'InvalidRange', 'The range specified is invalid for the current size of the resource.', {
      'content-range': `bytes */${sizeBytes}`,
    }),
  invalidPageRange: refusal(416, 'InvalidPageRange', 'The page range specified is invalid.'),
  invalidHeader: (name: string, detail?: string) =>
    refusal(
      400,
      'InvalidHeaderValue',
      `The value for one of the HTTP headers is not in the correct format: ${name}.`,
    )(detail),
  missingHeader: (name: string) =>
    refusal(
      400,
      'MissingRequiredHeader',
      `An HTTP header that's mandatory for this request is not specified: ${name}.`,
    )(),
  missingContentLength: refusal(411, 'MissingContentLengthHeader', 'The Content-Length header was not specified.'),
  unsupportedHeader: (name: string) =>
    refusal(400, 'UnsupportedHeader', `One of the HTTP headers specified in the request is not supported: ${name}.`)(),
  invalidQuery: (name: string, detail?: string) =>
    refusal(
      400,
      'InvalidQueryParameterValue',
      `Value for one of the query parameters specified in the request URI is invalid: ${name}.`,
    )(detail),
  unsupportedQuery: (name: string) =>
    refusal(
      400,
      'UnsupportedQueryParameter',
      `One of the query parameters specified in the request URI is not supported: ${name}.`,
    )(),
  invalidUri: refusal(400, 'InvalidUri', 'The requested URI does not represent any resource on the server.'),
  invalidResourceName: refusal(400, 'InvalidResourceName', 'The specified resource name contains invalid characters.'),
  invalidMetadata: refusal(
    400,
    'InvalidMetadata',
    'The metadata specified is invalid. It has characters that are not permitted.',
  ),
  metadataTooLarge: refusal(400, 'MetadataTooLarge', 'The metadata specified exceeds the maximum permissible limit.'),
  invalidMd5: refusal(400, 'InvalidMd5', 'The MD5 value specified in the request is invalid.'),
  md5Mismatch: refusal(
    400,
    'Md5Mismatch',
    'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
  ),
  bodyTooLarge: (maxBytes: number) =>
    refusal(
      413,
      'RequestBodyTooLarge',
      `The request body is too large and exceeds the maximum permissible limit of ${maxBytes} bytes.`,
    )(),
  invalidXml: refusal(400, 'InvalidXmlDocument', 'XML specified is not syntactically valid.'),
  invalidInput: refusal(400, 'InvalidInput', 'One of the request inputs is not valid.'),
  invalidBlockId: refusal(
    400,
    'InvalidBlockId',
    'The specified block ID is invalid. The block ID must be Base64-encoded.',
  ),
  invalidBlobOrBlock: refusal(400, 'InvalidBlobOrBlock', 'The specified blob or block content is invalid.'),
  invalidBlockList: refusal(400, 'InvalidBlockList', 'The specified block list is invalid.'),
  blockListTooLong: refusal(400, 'BlockListTooLong', 'The block list may not contain more than 50,000 blocks.'),
  blockCountExceedsLimit: refusal(
    409,
    'BlockCountExceedsLimit',
    'The uncommitted block count cannot exceed the maximum limit of 100,000 blocks.',
  ),
  unsupportedVerb: refusal(405, 'UnsupportedHttpVerb', "The resource doesn't support the specified HTTP verb."),
  notImplemented: refusal(
    501,
    'NotImplemented',
    'The requested operation is not implemented on the specified resource.',
  ),
  serverBusy: refusal(
    503,
    'ServerBusy',
    'The server is currently unable to receive requests. Please retry your request.',
  ),
  internal: refusal(500, 'InternalError', 'The server encountered an internal error. Please retry the request.'),
} as const

/** The body that Azure's SDKs read the code and the sentence from. */
export const errorBody = (error: StorageError, requestId: string, time: Date): string =>
  `<?xml version="1.0" encoding="utf-8"?>${element('Error', [
    element('Code', error.code),
    element('Message', `${error.message}\nRequestId:${requestId}\nTime:${time.toISOString()}`),
  ])}`
