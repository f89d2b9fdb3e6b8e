import type { TokenRefused } from './token-refused.ts'

/**
 * The `WWW-Authenticate` header of a 401: where to get a token. The Azure SDKs read the tenant from the path of `authorization_uri`.
 * Without `refused` no token came at all.
 */
export const bearerChallenge = (origin: string, tenantId: string, refused?: TokenRefused): string => {
  const why = refused?.message ?? "The authentication failed because of missing 'Authorization' header."
  const quoted = why.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'")
  return `Bearer authorization_uri="${origin}/${tenantId}", error="invalid_token", error_description="${quoted}"`
}
