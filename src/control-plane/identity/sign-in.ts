import { parseScope, sameAudience, type WantedScope } from './audiences.ts'
import { issuerOf } from './authority.ts'
import { field } from './form.ts'
import type { Identity } from './identity.ts'
import { oauthRefused } from './oauth-refused.ts'
import { anyClient, clientName, provenClient, provenUser, requireTenant, type SignIn, stillThere } from './proofs.ts'
import type { Grant } from './tokens.ts'

/** The JSON of a token endpoint's answer. */
export type TokenAnswer = Record<string, string | number>

/** Answers a request to a token endpoint, or throws `OAuthRefused`. */
export const answerSignIn = async (identity: Identity, request: SignIn): Promise<TokenAnswer> => {
  await requireTenant(identity, request.authority)
  const grant = field(request.form, 'grant_type')
  const answer = grants.get(grant)
  if (!answer) throw oauthRefused.unsupportedGrant(grant)
  return answer(identity, request)
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
  const userCode = `${code.userCode.slice(0, 4)}-${code.userCode.slice(4)}`
  return {
    device_code: code.deviceCode,
    user_code: userCode,
    verification_uri: page,
    verification_url: page,
    expires_in: code.expiresInSeconds,
    interval: code.intervalSeconds,
    message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
  }
}

type AnswerGrant = (identity: Identity, request: SignIn) => Promise<TokenAnswer>

const clientCredentials: AnswerGrant = async (identity, request) => {
  const { audience } = wantedScope(identity, request)
  const { known, proof } = await provenClient(identity, request, audience)
  const { principal } = known
  const issuer = issuerOf(request.authority, principal.tenantId)
  return accessAnswer(identity, { principal, clientId: principal.appId as string, proof, issuer }, audience)
}

const password: AnswerGrant = async (identity, request) => {
  const { form, authority, remote } = request
  const scope = wantedScope(identity, request)
  const client = await anyClient(identity, request, scope.audience)
  const name = field(form, 'username')
  const { principal } = await provenUser(identity, { name, secret: field(form, 'password'), authority, remote })
  const grant = { principal, ...client, issuer: issuerOf(authority, principal.tenantId) }
  return userAnswer(identity, request, grant, scope)
}

const deviceCode: AnswerGrant = async (identity, request) => {
  const { form, authority } = request
  const clientId = field(form, 'client_id').toLowerCase()
  const code = form.get('device_code') ?? field(form, 'code')
  const { objectId, scope } = await identity.deviceCodes.redeem(code, clientId)
  const { principal } = await stillThere(identity, objectId, authority)
  const grant: Grant = { principal, clientId, proof: 'none', issuer: issuerOf(authority, principal.tenantId) }
  return userAnswer(identity, request, grant, wantedScope(identity, request, scope))
}

const authorizationCode: AnswerGrant = async (identity, request) => {
  const { form, authority } = request
  const code = await identity.authorizationCodes.redeem(field(form, 'code'), {
    clientId: field(form, 'client_id').toLowerCase(),
    redirectUri: field(form, 'redirect_uri'),
    verifier: field(form, 'code_verifier'),
  })
  const scope = wantedScope(identity, request, code.scope)
  const { principal } = await stillThere(identity, code.objectId, authority)
  const issuer = issuerOf(authority, principal.tenantId)
  const grant: Grant = { principal, clientId: code.clientId, proof: 'none', issuer }
  return userAnswer(identity, request, grant, scope, code.nonce === null ? {} : { nonce: code.nonce })
}

const refresh: AnswerGrant = async (identity, request) => {
  const { form, authority } = request
  const scope = wantedScope(identity, request)
  const client = await anyClient(identity, request, scope.audience)
  const { objectId, successor } = await identity.refreshTokens.redeem(field(form, 'refresh_token'), client.clientId)
  const { principal } = await stillThere(identity, objectId, authority)
  const grant = { principal, ...client, issuer: issuerOf(authority, principal.tenantId) }
  return userAnswer(identity, request, grant, scope, { refreshToken: successor })
}

const grants: ReadonlyMap<string, AnswerGrant> = new Map([
  ['client_credentials', clientCredentials],
  ['password', password],
  ['authorization_code', authorizationCode],
  ['refresh_token', refresh],
  ['urn:ietf:params:oauth:grant-type:device_code', deviceCode],
  ['device_code', deviceCode],
])

/** The resource that a token is wanted for: `scope`, or `resource` as version 1 has it; a code brings its own from its beginning. */
export const wantedScope = (
  identity: Identity,
  { form, authority }: Omit<SignIn, 'remote'>,
  stored?: string,
): WantedScope => {
  const resource = stored === undefined ? form.get('resource') : undefined
  const text = stored ?? form.get('scope')
  if (!text && !resource) throw oauthRefused.missingParameter(authority.dialect === 'v1' ? 'resource' : 'scope')
  const wanted = resource ? { audience: resource, openid: true, offline: true } : parseScope(text ?? '')
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

/** A person's answer has more: who it is, and the means to stay signed in. */
const userAnswer = async (
  identity: Identity,
  { form }: SignIn,
  grant: Grant,
  scope: WantedScope,
  given: { refreshToken?: string; nonce?: string } = {},
): Promise<TokenAnswer> => {
  const { principal, clientId } = grant
  const answer = await accessAnswer(identity, grant, scope.audience)
  const isNew = given.refreshToken === undefined && scope.offline
  const refreshToken = isNew
    ? await identity.refreshTokens.issue({ objectId: principal.objectId, clientId })
    : given.refreshToken
  const clientInfo = JSON.stringify({ uid: principal.objectId, utid: principal.tenantId })
  return {
    ...answer,
    scope: `${scope.audience}/user_impersonation ${scope.audience}/.default`,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(scope.openid && { id_token: await identity.tokens.idToken(grant, given.nonce) }),
    ...(form.get('client_info') === '1' && { client_info: Buffer.from(clientInfo).toString('base64url') }),
  }
}
