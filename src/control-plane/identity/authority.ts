/**
 * The three forms in which clients address an Azure sign-in service: `az` with a cloud of its own uses the AD FS form, which alone makes
 * it ask no other server; the SDKs use Entra's second version, and older programs its first.
 */
export type Dialect = 'adfs' | 'v1' | 'v2'

/** The authority that a request was sent to: this server's address as the client wrote it, the form, and the tenant's name in the path. */
export interface Authority {
  readonly origin: string
  readonly dialect: Dialect
  /** A tenant id, or `adfs`, `common`, `organizations`, which stand for any. */
  readonly tenant: string
}

const anyTenant = new Set(['adfs', 'common', 'organizations'])

/** The one tenant that the authority is for, or undefined for any. */
export const onlyTenant = ({ tenant }: Authority): string | undefined =>
  anyTenant.has(tenant.toLowerCase()) ? undefined : tenant.toLowerCase()

export const issuerOf = ({ origin, dialect }: Authority, tenantId: string): string =>
  ({ adfs: `${origin}/adfs`, v1: `${origin}/${tenantId}/`, v2: `${origin}/${tenantId}/v2.0` })[dialect]

export const endpointsOf = ({ origin, dialect, tenant }: Authority) =>
  ({
    adfs: {
      token: `${origin}/adfs/oauth2/token`,
      deviceCode: `${origin}/adfs/oauth2/devicecode`,
      authorize: `${origin}/adfs/oauth2/authorize`,
      keys: `${origin}/adfs/discovery/keys`,
    },
    v1: {
      token: `${origin}/${tenant}/oauth2/token`,
      deviceCode: `${origin}/${tenant}/oauth2/devicecode`,
      authorize: `${origin}/${tenant}/oauth2/authorize`,
      keys: `${origin}/${tenant}/discovery/keys`,
    },
    v2: {
      token: `${origin}/${tenant}/oauth2/v2.0/token`,
      deviceCode: `${origin}/${tenant}/oauth2/v2.0/devicecode`,
      authorize: `${origin}/${tenant}/oauth2/v2.0/authorize`,
      keys: `${origin}/${tenant}/discovery/v2.0/keys`,
    },
  })[dialect]

const dialects: readonly Dialect[] = ['adfs', 'v1', 'v2']

/** Every issuer whose tokens are ours. */
export const issuersOf = (origins: readonly string[], tenantId: string): string[] =>
  origins.flatMap(origin => dialects.map(dialect => issuerOf({ origin, dialect, tenant: tenantId }, tenantId)))

/** What a client assertion may name as its audience: each token endpoint of the tenant, and Entra's issuer. */
export const assertionAudiences = (origins: readonly string[], { tenant }: Authority, tenantId: string): string[] =>
  origins.flatMap(origin =>
    [tenant, tenantId].flatMap(tenant =>
      dialects.flatMap(dialect => {
        const { token } = endpointsOf({ origin, dialect, tenant })
        const behindAdfs = endpointsOf({ origin: `${origin}/adfs`, dialect, tenant }).token
        return [token, `${token}/`, behindAdfs, issuerOf({ origin, dialect, tenant }, tenant)]
      }),
    ),
  )
