import { type Authority, endpointsOf, issuerOf } from './authority.ts'

/** The `openid-configuration` of an authority: only what this server really does. */
export const openidConfiguration = (authority: Authority) => {
  const endpoints = endpointsOf(authority)
  return {
    issuer: issuerOf(authority, authority.tenant),
    authorization_endpoint: endpoints.authorize,
    token_endpoint: endpoints.token,
    device_authorization_endpoint: endpoints.deviceCode,
    jwks_uri: endpoints.keys,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256'],
    grant_types_supported: [
      'authorization_code',
      'client_credentials',
      'password',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'nbf',
      'oid',
      'tid',
      'name',
      'upn',
      'preferred_username',
      'ver',
    ],
  }
}

/** The answer to a client that asks whether this host is an authority: it is one, and stands only for itself. */
export const instanceDiscovery = (origin: string, tenant: string) => {
  const { host } = new URL(origin)
  return {
    tenant_discovery_endpoint: `${origin}/${tenant}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  }
}
