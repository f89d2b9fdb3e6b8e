import { parseScope, sameAudience, type WantedScope } from './audiences.ts'
import { type Authority, assertionAudiences, issuerOf, onlyTenant } from './authority.ts'
import { jwtBearer } from './client-assertion.ts'
import type { Known } from './directory.ts'
import { type Form, field } from './form.ts'
import type { Identity } from './identity.ts'
import { oauthRefused } from './oauth-refused.ts'
import { publicClients } from './public-clients.ts'
import type { ClientProof, Grant } from './tokens.ts'

/** A request to a token endpoint, whatever the transport. */
export interface SignIn {
  readonly form: Form
  readonly authority: Authority
  /** The address that it came from. */
  readonly remote: string
}

/** The JSON of a token endpoint's answer. */
export type TokenAnswer = Record<string, string | number>

/** Answers a request to a token endpoint, or throws `OAuthRefused`. */
export const answerSignIn = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  await requireTenant(identity, request.authority)
  const grant = field(request.form, 'grant_type')
  switch (grant) {
    case 'client_credentials':
      return clientCredentials(identity, request)
    case 'password':
      return password(identity, request)
    case 'refresh_token':
      return refresh(identity, request)
    case 'device_code':
    case 'urn:ietf:params:oauth:grant-type:device_code':
      return deviceCode(identity, request)
    default:
      throw oauthRefused.unsupportedGrant(grant)
  }
}

/** Begins a sign-in that is finished on the page `/adfs/oauth2/deviceauth`. */
export const beginDeviceSignIn = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  const { form, authority, remote } = request
  await requireTenant(identity, authority)
  const clientId = field(form, 'client_id').toLowerCase()
  wantedScope(identity, request)
  await clientName(identity, clientId, authority)
  const scope = form.get('scope') ?? `${form.get('resource')}/.default offline_access openid`
  const code = await identity.deviceCodes.issue({ clientId, scope, remote })
  const page = `${authority.origin}/adfs/oauth2/deviceauth`
  const { intervalSeconds, expiresInSeconds } = code
  const userCode = `${code.userCode.slice(0, 4)}-${code.userCode.slice(4)}`
  return {
    device_code: code.deviceCode,
    user_code: userCode,
    verification_uri: page,
    verification_url: page,
    expires_in: expiresInSeconds,
    interval: intervalSeconds,
    message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
  }
}

/** What the program is called that a person is asked to let in; refuses a program that nobody knows. */
export const clientName = async (identity: Identity, clientId: string, authority: Authority): Promise<string> => {
  const name = publicClients.get(clientId)
  if (name) return name
  const known = await identity.directory.find({ appId: clientId })
  const tenant = onlyTenant(authority)
  if (!known || known.disabled || (tenant && tenant !== known.principal.tenantId))
    throw oauthRefused.unknownClient(clientId, authority.tenant)
  return known.principal.displayName
}

/** A person's name and password, right and of this authority's tenant; throws `OAuthRefused`. */
export const checkPassword = async (
  identity: Identity,
  { name, secret, authority, remote }: { name: string; secret: string; authority: Authority; remote: string },
): Promise<Known> => {
  const known = ofTenant(await identity.directory.find({ userPrincipalName: name }), authority)
  const verdict = await identity.checkSecret({ name: `user:${name}`, secret, known, remote })
  if (verdict.is === 'locked') throw oauthRefused.locked(verdict.until)
  if (!known || verdict.is !== 'right') throw oauthRefused.wrongPassword()
  if (known.disabled) throw oauthRefused.disabledUser()
  return known
}

const clientCredentials = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  const { audience } = wantedScope(identity, request)
  const { known, proof } = await provenClient(identity, request, audience)
  const { principal } = known
  const issuer = issuerOf(request.authority, principal.tenantId)
  const clientId = principal.appId as string
  return accessAnswer(identity, { principal, clientId, proof, issuer }, audience)
}

const password = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  const { form, authority, remote } = request
  const scope = wantedScope(identity, request)
  const client = await anyClient(identity, request, scope.audience)
  const name = field(form, 'username')
  const { principal } = await checkPassword(identity, { name, secret: field(form, 'password'), authority, remote })
  return userAnswer(identity, request, { principal, ...client, issuer: issuerOf(authority, principal.tenantId) }, scope)
}

const deviceCode = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  const { form, authority } = request
  const clientId = field(form, 'client_id').toLowerCase()
  const code = form.get('device_code') ?? field(form, 'code')
  const { objectId, scope } = await identity.deviceCodes.redeem(code, clientId)
  const { principal } = await stillThere(identity, objectId, authority)
  const grant: Grant = { principal, clientId, proof: 'none', issuer: issuerOf(authority, principal.tenantId) }
  return userAnswer(identity, request, grant, wantedScope(identity, request, scope))
}

const refresh = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  const { form, authority } = request
  const scope = wantedScope(identity, request)
  const client = await anyClient(identity, request, scope.audience)
  const redeemed = await identity.refreshTokens.redeem(field(form, 'refresh_token'), client.clientId)
  const { principal } = await stillThere(identity, redeemed.objectId, authority)
  const grant = { principal, ...client, issuer: issuerOf(authority, principal.tenantId) }
  return userAnswer(identity, request, grant, scope, redeemed.successor)
}

/** The program that a person signs in with: one that holds no secret, or a registered one that proves itself. */
const anyClient = async (identity: Identity, request: SignIn, audience: string) => {
  const clientId = field(request.form, 'client_id').toLowerCase()
  if (publicClients.has(clientId)) return { clientId, proof: 'none' as const }
  const { form } = request
  if (!form.has('client_secret') && !form.has('client_assertion')) {
    await clientName(identity, clientId, request.authority)
    throw oauthRefused.missingClientCredential()
  }
  return { clientId, proof: (await provenClient(identity, request, audience)).proof }
}

const provenClient = async (
  identity: Identity,
  request: SignIn,
  audience: string,
): Promise<{ known: Known; proof: ClientProof }> => {
  const { form, authority } = request
  const proved = form.has('client_assertion')
    ? { known: await byAssertion(identity, request, audience), proof: 'certificate' as const }
    : { known: await bySecret(identity, request), proof: 'secret' as const }
  if (!ofTenant(proved.known, authority))
    throw oauthRefused.unknownClient(String(proved.known.principal.appId), authority.tenant)
  if (proved.known.disabled) throw oauthRefused.disabledClient(String(proved.known.principal.appId))
  return proved
}

const byAssertion = (identity: Identity, { form, authority }: SignIn, audience: string): Promise<Known> => {
  if (field(form, 'client_assertion_type') !== jwtBearer)
    throw oauthRefused.badAssertion(`The type of the assertion must be '${jwtBearer}'.`)
  return identity.checkAssertion({
    text: field(form, 'client_assertion'),
    clientId: form.get('client_id'),
    endpoints: tenantId => assertionAudiences(identity.origins(), authority, tenantId),
    audience,
  })
}

const bySecret = async (identity: Identity, { form, authority, remote }: SignIn): Promise<Known> => {
  const clientId = field(form, 'client_id')
  const secret = form.get('client_secret')
  if (!secret) throw oauthRefused.missingClientCredential()
  const known = ofTenant(await identity.directory.find({ appId: clientId }), authority)
  const verdict = await identity.checkSecret({ name: `client:${clientId}`, secret, known, remote })
  if (verdict.is === 'locked') throw oauthRefused.locked(verdict.until)
  if (verdict.is === 'expired') throw oauthRefused.expiredSecret(clientId)
  // Azure answers 700016 for a client that it doesn't know; here nobody learns which clients there are.
  if (!known || verdict.is !== 'right') throw oauthRefused.wrongSecret(clientId)
  return known
}

const ofTenant = (known: Known | undefined, authority: Authority): Known | undefined => {
  const tenant = onlyTenant(authority)
  return tenant && known?.principal.tenantId !== tenant ? undefined : known
}

const stillThere = async (identity: Identity, objectId: string, authority: Authority): Promise<Known> => {
  const known = ofTenant(await identity.directory.find({ objectId }), authority)
  if (!known) throw oauthRefused.revokedGrant()
  if (known.disabled) throw oauthRefused.disabledUser()
  return known
}

const requireTenant = async ({ directory }: Identity, authority: Authority): Promise<void> => {
  const wanted = onlyTenant(authority)
  if (!wanted) return
  const tenants = await directory.tenants()
  if (!tenants.some(({ tenantId }) => tenantId === wanted)) throw oauthRefused.unknownTenant(authority.tenant)
}

/** The resource that a token is wanted for: `scope`, or `resource` as version 1 has it. */
const wantedScope = (identity: Identity, { form, authority }: SignIn, stored?: string): WantedScope => {
  const resource = form.get('resource')
  const text = stored ?? form.get('scope')
  if (!text && !resource) throw oauthRefused.missingParameter(authority.dialect === 'v1' ? 'resource' : 'scope')
  const wanted =
    !stored && resource ? { audience: resource, openid: true, offline: true } : text ? parseScope(text) : undefined
  if (!wanted) throw oauthRefused.badScope(String(text))
  if (!identity.audiences().some(audience => sameAudience(audience, wanted.audience)))
    throw oauthRefused.unknownResource(wanted.audience, authority.tenant)
  return wanted
}

const accessAnswer = async (identity: Identity, grant: Grant, audience: string): Promise<TokenAnswer> => {
  const { token, expiresInSeconds } = await identity.tokens.accessToken(grant, audience)
  const nowSeconds = Math.floor(identity.clock.now().getTime() / 1000)
  return {
    token_type: 'Bearer',
    expires_in: expiresInSeconds,
    ext_expires_in: expiresInSeconds,
    expires_on: nowSeconds + expiresInSeconds,
    not_before: nowSeconds,
    resource: audience,
    access_token: token,
  }
}

const userAnswer = async (
  identity: Identity,
  { form }: SignIn,
  grant: Grant,
  scope: WantedScope,
  successor?: string,
): Promise<TokenAnswer> => {
  const { principal, clientId } = grant
  const answer = await accessAnswer(identity, grant, scope.audience)
  const owner = { objectId: principal.objectId, clientId }
  const wantsRefresh = successor === undefined && scope.offline
  const refreshToken = wantsRefresh ? await identity.refreshTokens.issue(owner) : successor
  const clientInfo = { uid: principal.objectId, utid: principal.tenantId }
  return {
    ...answer,
    scope: [`${scope.audience}/user_impersonation`, `${scope.audience}/.default`].join(' '),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(scope.openid && { id_token: await identity.tokens.idToken(grant, form.get('nonce')) }),
    ...(form.get('client_info') === '1' && {
      client_info: Buffer.from(JSON.stringify(clientInfo)).toString('base64url'),
    }),
  }
}
