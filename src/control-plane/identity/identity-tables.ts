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
  /** Behind the @ of its users' names; each belongs to one tenant. */
  identity_domain: { domain: string; tenant_id: string; created_at: number }
  identity_application: ApplicationRow
  identity_credential_note: CredentialNoteRow
  identity_federated_credential: FederatedCredentialRow
  /** What a user is called in mail addresses, and other words that nothing here depends on: a JSON object. */
  identity_profile: { object_id: string; words: string }
  identity_group: GroupRow
  identity_group_member: { group_id: string; member_id: string; created_at: number }
  /** Who may change a group or an application beside the administrators. */
  identity_owner: { object_id: string; owner_id: string }
}

export interface ApplicationRow {
  object_id: string
  tenant_id: string
  app_id: string
  /** `ApplicationWords` as JSON. */
  words: string
  created_at: number
}

/** What is said of a secret (by its id) or a certificate (by its thumbprint). */
export interface CredentialNoteRow {
  object_id: string
  credential: string
  key_id: string
  display_name: string | null
  starts_at: number
  /** When a certificate is no longer taken, though it may still be valid. */
  ends_at: number | null
}

/** Whose tokens a program may show instead of a secret. */
export interface FederatedCredentialRow {
  credential_id: string
  /** An application, or a managed identity. */
  object_id: string
  name: string
  issuer: string
  subject: string
  audience: string
  description: string | null
}

export interface GroupRow {
  object_id: string
  tenant_id: string
  display_name: string
  mail_nickname: string
  description: string | null
  created_at: number
}

export interface PrincipalRow {
  object_id: string
  tenant_id: string
  kind: 'ServicePrincipal' | 'ManagedIdentity' | 'User'
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
  `create table if not exists identity_domain (domain text primary key, tenant_id text not null,
    created_at integer not null)`,
  // The tenant of a first start had a domain by its name before there were others.
  `insert or ignore into identity_domain (domain, tenant_id, created_at)
    select 'opengallery.local', tenant_id, created_at from identity_tenant
    where display_name = 'OpenGallery' and tenant_id not in (select tenant_id from identity_domain)`,
  `create table if not exists identity_application (object_id text primary key, tenant_id text not null,
    app_id text not null unique, words text not null, created_at integer not null)`,
  'create index if not exists identity_application_tenant on identity_application (tenant_id)',
  `create table if not exists identity_credential_note (object_id text not null, credential text not null,
    key_id text not null, display_name text, starts_at integer not null, ends_at integer,
    primary key (object_id, credential))`,
  `create table if not exists identity_federated_credential (credential_id text primary key, object_id text not null,
    name text not null, issuer text not null, subject text not null, audience text not null, description text,
    unique (object_id, name), unique (object_id, issuer, subject))`,
  'create table if not exists identity_profile (object_id text primary key, words text not null)',
  `create table if not exists identity_group (object_id text primary key, tenant_id text not null,
    display_name text not null, mail_nickname text not null, description text, created_at integer not null)`,
  'create index if not exists identity_group_tenant on identity_group (tenant_id)',
  `create table if not exists identity_group_member (group_id text not null, member_id text not null,
    created_at integer not null, primary key (group_id, member_id))`,
  'create index if not exists identity_group_member_member on identity_group_member (member_id)',
  `create table if not exists identity_owner (object_id text not null, owner_id text not null,
    primary key (object_id, owner_id))`,
  'create index if not exists identity_owner_owner on identity_owner (owner_id)',
]
