/** Somebody who can be named in a token: a program (service principal) or a person. */
export interface Principal {
  readonly tenantId: string
  readonly objectId: string
  /** Service principals only. */
  readonly appId?: string
  /** Users only. */
  readonly userPrincipalName?: string
  readonly displayName: string
  /** A managed identity is a service principal without secrets. */
  readonly kind: 'ServicePrincipal' | 'ManagedIdentity' | 'User'
}

/** A directory of its own: nobody in it is anybody in another one. */
export interface Tenant {
  readonly tenantId: string
  readonly displayName: string
  /** What its users' names end in, the oldest first, by which the tenant is known. */
  readonly domains: readonly string[]
}

/** A principal that is part of a resource: it has no secret, and nobody but this server can ask for its tokens. */
export interface ManagedPrincipal {
  /** The object id. */
  readonly principalId: string
  /** The application id. */
  readonly clientId: string
  readonly tenantId: string
  /** What lists show: the resource's name. */
  readonly displayName: string
}
