import type { FastifyInstance } from 'fastify'

/** Addresses that discovery tells; origins without trailing slash. */
export interface Endpoints {
  readonly origin: string
  /** Behind the account's name in storage URLs, for the clouds that are addressed by host name. */
  readonly storageSuffix: string
}

/**
 * `GET /metadata/endpoints`, in each shape that a client asks for:
 * - api-version 2015-01-01 (az 2.45): an object with `galleryEndpoint` and the like;
 * - 2019-05-01 (Terraform, `ARM_CLOUD_METADATA_URL`): an array of clouds;
 * - later ones (az 2.74 and newer ask for 2022-09-01): one cloud, as an object.
 * `GET /aliases.json`: the short names of platform images, as az reads them without signing in.
 * The sign-in address must end in `/adfs`: only then does MSAL not ask Microsoft's own host whether it is genuine.
 */
export const metadataRoutes =
  (endpoints: () => Endpoints, imageAliases: () => Promise<unknown>) => (app: FastifyInstance) => {
    app.get<{ Querystring: { 'api-version'?: string } }>('/metadata/endpoints', async request => {
      const version = request.query['api-version'] ?? '2022-09-01'
      if (version < '2018-05-01') return oldest(endpoints())
      const cloud = cloudOf(endpoints())
      return version < '2022-09-01' ? [cloud] : cloud
    })
    app.get('/aliases.json', imageAliases)
  }

const oldest = ({ origin }: Endpoints) => ({
  galleryEndpoint: `${origin}/`,
  graphEndpoint: `${origin}/graph`,
  portalEndpoint: origin,
  authentication: { loginEndpoint: `${origin}/adfs`, audiences: [origin] },
})

const cloudOf = ({ origin, storageSuffix }: Endpoints) => ({
  name: 'OpenGallery',
  resourceManager: origin,
  portal: origin,
  gallery: `${origin}/`,
  graph: `${origin}/graph`,
  graphAudience: `${origin}/graph`,
  microsoftGraphResourceId: `${origin}/msgraph`,
  vmImageAliasDoc: `${origin}/aliases.json`,
  authentication: {
    loginEndpoint: `${origin}/adfs`,
    audiences: [origin],
    tenant: 'adfs',
    identityProvider: 'ADFS',
  },
  suffixes: { storage: storageSuffix },
})
