import { createHash } from 'node:crypto'
import type { Application } from '#identity/applications.ts'
import type { CertificateCredential } from '#identity/client-certificates.ts'
import type { Credential } from '#identity/credentials.ts'
import type { Known } from '#identity/directory.ts'
import type { FederatedCredential } from '#identity/federated-credentials.ts'
import type { Group } from '#identity/groups.ts'
import type { GraphParts, Words } from './graph-call.ts'

/** How Graph shows what the directory has. The sets say by which properties a list can be narrowed. */
export const userProperties = new Set([
  'id',
  'displayName',
  'userPrincipalName',
  'mailNickname',
  'accountEnabled',
  'userType',
  'mail',
])

export const userView = ({ principal, disabled, createdAt }: Known, profile: Words): Words => ({
  id: principal.objectId,
  displayName: principal.displayName,
  userPrincipalName: principal.userPrincipalName,
  mailNickname: profile.mailNickname ?? principal.userPrincipalName?.split('@')[0],
  accountEnabled: !disabled,
  createdDateTime: createdAt.toISOString(),
  deletedDateTime: null,
  userType: 'Member',
  mail: null,
  businessPhones: [],
  givenName: null,
  jobTitle: null,
  mobilePhone: null,
  officeLocation: null,
  preferredLanguage: null,
  surname: null,
})

export const groupProperties = new Set([
  'id',
  'displayName',
  'mailNickname',
  'description',
  'securityEnabled',
  'mailEnabled',
  'groupTypes',
])

export const groupView = (group: Group): Words => ({
  id: group.objectId,
  displayName: group.displayName,
  mailNickname: group.mailNickname,
  description: group.description,
  createdDateTime: group.createdAt.toISOString(),
  deletedDateTime: null,
  securityEnabled: true,
  mailEnabled: false,
  groupTypes: [],
  mail: null,
  proxyAddresses: [],
  visibility: null,
})

export const applicationProperties = new Set(['id', 'appId', 'displayName', 'identifierUris', 'tags'])

export const applicationView = ({ objectId, appId, createdAt, words }: Application): Words => ({
  id: objectId,
  appId,
  ...words,
  createdDateTime: createdAt.toISOString(),
  deletedDateTime: null,
  signInAudience: 'AzureADMyOrg',
  api: { oauth2PermissionScopes: [], preAuthorizedApplications: [] },
  appRoles: [],
  requiredResourceAccess: [],
  web: { redirectUris: [] },
  publicClient: { redirectUris: [] },
  spa: { redirectUris: [] },
})

export const programProperties = new Set([
  'id',
  'appId',
  'displayName',
  'appDisplayName',
  'servicePrincipalNames',
  'servicePrincipalType',
  'accountEnabled',
  'tags',
])

export const programView = (
  { principal, disabled, createdAt }: Known,
  application: Application | undefined,
  profile: Words,
): Words => ({
  id: principal.objectId,
  appId: principal.appId,
  displayName: principal.displayName,
  appDisplayName: application?.words.displayName ?? principal.displayName,
  appOwnerOrganizationId: principal.tenantId,
  servicePrincipalNames: [principal.appId, ...(application?.words.identifierUris ?? [])],
  servicePrincipalType: principal.kind === 'ManagedIdentity' ? 'ManagedIdentity' : 'Application',
  accountEnabled: !disabled,
  createdDateTime: createdAt.toISOString(),
  deletedDateTime: null,
  signInAudience: 'AzureADMyOrg',
  alternativeNames: [],
  appRoleAssignmentRequired: false,
  appRoles: [],
  oauth2PermissionScopes: [],
  replyUrls: [],
  notes: profile.notes ?? null,
  tags: profile.tags ?? [],
})

/** An application or a service principal with what it proves itself by. */
export const withCredentials = async (view: Words, { identity }: GraphParts): Promise<Words> => ({
  ...view,
  passwordCredentials: (await identity.directory.secretsOf(String(view.id))).map(passwordView),
  keyCredentials: (await identity.directory.certificatesOf(String(view.id))).map(keyView),
})

export const passwordView = ({ secretId, hint, displayName, startsAt, expiresAt }: Credential): Words => ({
  keyId: secretId,
  hint,
  displayName,
  customKeyIdentifier: null,
  startDateTime: startsAt.toISOString(),
  endDateTime: expiresAt.toISOString(),
  secretText: null,
})

const keyView = ({ keyId, pem, displayName, startsAt, expiresAt }: CertificateCredential): Words => ({
  keyId,
  displayName,
  // What people compare with the certificate at hand: its SHA-1 thumbprint.
  customKeyIdentifier: createHash('sha1').update(derOf(pem)).digest('hex').toUpperCase(),
  startDateTime: startsAt.toISOString(),
  endDateTime: expiresAt.toISOString(),
  type: 'AsymmetricX509Cert',
  usage: 'Verify',
  key: null,
})

const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')

export const federatedProperties = new Set(['id', 'name', 'issuer', 'subject', 'description'])

export const federatedView = (credential: FederatedCredential): Words => ({
  id: credential.credentialId,
  name: credential.name,
  issuer: credential.issuer,
  subject: credential.subject,
  audiences: [credential.audience],
  description: credential.description,
})

/** The object with what kind it is, as it stands among others of several kinds. */
export const typed = (kind: 'user' | 'group' | 'servicePrincipal' | 'application', view: Words): Words => ({
  '@odata.type': `#microsoft.graph.${kind}`,
  ...view,
})
