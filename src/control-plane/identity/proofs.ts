import { type Authority, assertionAudiences, onlyTenant } from './authority.ts'
import { jwtBearer } from './client-assertion.ts'
import type { Known } from './directory.ts'
import { isOfAnotherIssuer } from './federation/federated-assertion.ts'
import { type Form, field } from './form.ts'
import type { Identity } from './identity.ts'
import { oauthRefused } from './oauth-refused.ts'
import { publicClients } from './public-clients.ts'
import type { ClientProof } from './tokens.ts'

/** A request to a token endpoint, whatever the transport. */
export interface SignIn {
  readonly form: Form
  readonly authority: Authority
  /** The address that it came from. */
  readonly remote: string
}

/** What the program is called that a person is asked to let in; refuses a program that nobody knows. */
export const clientName = async (identity: Identity, clientId: string, authority: Authority): Promise<string> => {
  const name = publicClients.get(clientId)
  if (name) return name
  const known = ofTenant(await identity.directory.find({ appId: clientId }), authority)
  if (!known || known.disabled) throw oauthRefused.unknownClient(clientId, authority.tenant)
  return known.principal.displayName
}

/** A person's name and password, right and of this authority's tenant; throws `OAuthRefused`. */
export const provenUser = async (
  identity: Identity,
  { name, secret, authority, remote }: { name: string; secret: string; authority: Authority; remote: string },
): Promise<Known> => {
  const known = ofTenant(await identity.directory.find({ userPrincipalName: name }), authority)
  const verdict = await identity.checkSecret({ name: `user:${name}`, secret, known, remote })
  if (verdict.is === 'locked') throw oauthRefused.locked(verdict.until)
  if (!known || verdict.is !== 'right') throw oauthRefused.wrongPassword()
  // Only somebody who has the password is told of this.
  if (known.disabled) throw oauthRefused.disabledUser()
  return known
}

/** The program that a person signs in with: one that holds no secret, or a registered one that proves itself. */
export const anyClient = async (
  identity: Identity,
  request: SignIn,
  audience: string,
): Promise<{ clientId: string; proof: ClientProof }> => {
  const { form, authority } = request
  const clientId = field(form, 'client_id').toLowerCase()
  if (publicClients.has(clientId)) return { clientId, proof: 'none' }
  if (!form.has('client_secret') && !form.has('client_assertion')) {
    await clientName(identity, clientId, authority)
    throw oauthRefused.missingClientCredential()
  }
  return { clientId, proof: (await provenClient(identity, request, audience)).proof }
}

/** A service principal that proved itself with a secret or a certificate; throws `OAuthRefused`. */
export const provenClient = async (
  identity: Identity,
  request: SignIn,
  audience: string,
): Promise<{ known: Known; proof: ClientProof }> => {
  const proved = request.form.has('client_assertion')
    ? { known: await byAssertion(identity, request, audience), proof: 'certificate' as const }
    : { known: await bySecret(identity, request), proof: 'secret' as const }
  const clientId = String(proved.known.principal.appId)
  if (!ofTenant(proved.known, request.authority)) throw oauthRefused.unknownClient(clientId, request.authority.tenant)
  if (proved.known.disabled) throw oauthRefused.disabledClient(clientId)
  return proved
}

const byAssertion = (identity: Identity, { form, authority }: SignIn, audience: string): Promise<Known> => {
  if (field(form, 'client_assertion_type') !== jwtBearer)
    throw oauthRefused.badAssertion(`The type of the assertion must be '${jwtBearer}'.`)
  const text = field(form, 'client_assertion')
  if (isOfAnotherIssuer(text)) return identity.checkFederated(text, field(form, 'client_id'))
  return identity.checkAssertion({
    text,
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

/** Whoever signed in earlier, if that is still allowed. */
export const stillThere = async (identity: Identity, objectId: string, authority: Authority): Promise<Known> => {
  const known = ofTenant(await identity.directory.find({ objectId }), authority)
  if (!known) throw oauthRefused.revokedGrant()
  if (known.disabled) throw oauthRefused.disabledUser()
  return known
}

/** Refuses an authority whose tenant this directory doesn't have. */
export const requireTenant = async ({ directory }: Identity, authority: Authority): Promise<void> => {
  const wanted = onlyTenant(authority)
  if (!wanted) return
  const tenants = await directory.tenants()
  if (!tenants.some(({ tenantId }) => tenantId === wanted)) throw oauthRefused.unknownTenant(authority.tenant)
}

const ofTenant = (known: Known | undefined, authority: Authority): Known | undefined => {
  const tenant = onlyTenant(authority)
  return tenant && known?.principal.tenantId !== tenant ? undefined : known
}
