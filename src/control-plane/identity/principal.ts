/** Somebody who can be named in a token: a program (service principal) or a person. */
export interface Principal {
  readonly tenantId: string
  readonly objectId: string
  /** Service principals only. */
  readonly appId?: string
  /** Users only. */
  readonly userPrincipalName?: string
  readonly displayName: string
  readonly kind: 'ServicePrincipal' | 'User'
}

export interface Tenant {
  readonly tenantId: string
  readonly displayName: string
}
