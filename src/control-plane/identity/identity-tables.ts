/** Rows of the identity's own tables. Times are milliseconds since 1970; secrets and tokens are kept as hashes only. */
export interface IdentityTables {
  identity_tenant: { tenant_id: string; display_name: string; created_at: number }
  /** One row, once the first start is over. */
  identity_first_start: { tenant_id: string; subscription_id: string; app_id: string; object_id: string }
  identity_principal: PrincipalRow
  identity_secret: SecretRow
  identity_certificate: CertificateRow
  identity_signing_key: SigningKeyRow
  identity_refresh_token: RefreshTokenRow
  identity_device_code: DeviceCodeRow
  identity_authorization_code: AuthorizationCodeRow
  identity_lockout: { subject: string; failures: number; locked_until: number; last_failure: number }
  identity_used_assertion: { assertion: string; expires_at: number }
}

export interface PrincipalRow {
  object_id: string
  tenant_id: string
  kind: 'ServicePrincipal' | 'User'
  app_id: string | null
  /** Lower case, so that the unique index ignores case as Azure does. */
  user_principal_name: string | null
  display_name: string
  disabled: number
  created_at: number
}

export interface SecretRow {
  secret_id: string
  object_id: string
  hash: string
  /** The first characters of a service principal's secret, as Azure keeps and shows them; empty for passwords. */
  hint: string
  expires_at: number
  created_at: number
}

export interface CertificateRow {
  thumbprint: string
  object_id: string
  /** The SHA-1 thumbprint that older clients send as `x5t`; a name, not a proof. */
  thumbprint_sha1: string
  pem: string
  created_at: number
}

export interface SigningKeyRow {
  kid: string
  private_pem: string
  created_at: number
  retired_at: number | null
}

export interface RefreshTokenRow {
  token_hash: string
  family_id: string
  object_id: string
  client_id: string
  expires_at: number
  used_at: number | null
}

export interface DeviceCodeRow {
  code_hash: string
  user_code: string
  client_id: string
  scope: string
  remote: string
  created_at: number
  expires_at: number
  last_poll: number
  object_id: string | null
}

export interface AuthorizationCodeRow {
  code_hash: string
  object_id: string
  client_id: string
  redirect_uri: string
  scope: string
  challenge: string
  nonce: string | null
  expires_at: number
}

export const identityMigrations: readonly string[] = [
  `create table if not exists identity_tenant (tenant_id text primary key, display_name text not null,
    created_at integer not null)`,
  `create table if not exists identity_first_start (tenant_id text primary key, subscription_id text not null,
    app_id text not null, object_id text not null)`,
  `create table if not exists identity_principal (object_id text primary key, tenant_id text not null, kind text not null,
    app_id text unique, user_principal_name text unique, display_name text not null, disabled integer not null,
    created_at integer not null)`,
  `create table if not exists identity_secret (secret_id text primary key, object_id text not null, hash text not null,
    hint text not null, expires_at integer not null, created_at integer not null)`,
  'create index if not exists identity_secret_object on identity_secret (object_id)',
  `create table if not exists identity_certificate (thumbprint text not null, object_id text not null,
    thumbprint_sha1 text not null, pem text not null, created_at integer not null, primary key (object_id, thumbprint))`,
  `create table if not exists identity_signing_key (kid text primary key, private_pem text not null,
    created_at integer not null, retired_at integer)`,
  `create table if not exists identity_refresh_token (token_hash text primary key, family_id text not null,
    object_id text not null, client_id text not null, expires_at integer not null, used_at integer)`,
  'create index if not exists identity_refresh_token_object on identity_refresh_token (object_id)',
  'create index if not exists identity_refresh_token_family on identity_refresh_token (family_id)',
  'create index if not exists identity_refresh_token_expiry on identity_refresh_token (expires_at)',
  `create table if not exists identity_device_code (code_hash text primary key, user_code text not null unique,
    client_id text not null, scope text not null, remote text not null, created_at integer not null,
    expires_at integer not null, last_poll integer not null, object_id text)`,
  `create table if not exists identity_authorization_code (code_hash text primary key, object_id text not null,
    client_id text not null, redirect_uri text not null, scope text not null, challenge text not null, nonce text,
    expires_at integer not null)`,
  `create table if not exists identity_lockout (subject text primary key, failures integer not null,
    locked_until integer not null, last_failure integer not null)`,
  `create table if not exists identity_used_assertion (assertion text primary key, expires_at integer not null)`,
  'create index if not exists identity_used_assertion_expiry on identity_used_assertion (expires_at)',
]
