import { decodeJwt, errors, type JWTPayload } from 'jose'
import type { Directory, Known } from '../directory.ts'
import type { FederatedCredentials } from '../federated-credentials.ts'
import { oauthRefused } from '../oauth-refused.ts'
import { IssuerUnreachable } from './issuer-keys.ts'
import type { OutsideTokens } from './outside-tokens.ts'

export interface FederatedCheckParts {
  readonly directory: Directory
  readonly federatedCredentials: FederatedCredentials
  readonly outsideTokens: OutsideTokens
}

const maxBytes = 16 * 1024

/** Whether an assertion is made by somebody else than the program that shows it: issuers are URLs, programs are not. */
export const isOfAnotherIssuer = (text: string): boolean => {
  try {
    return URL.canParse(decodeJwt(text.slice(0, maxBytes)).iss ?? '')
  } catch {
    return false
  }
}

/**
 * Checks a token of another issuer that a program shows instead of a secret: issuer, subject and audience are exactly those of one of its
 * federated identity credentials. Keys are fetched only of issuers that the operator has named and that the program trusts.
 */
export const federatedCheck =
  ({ directory, federatedCredentials, outsideTokens }: FederatedCheckParts) =>
  async (text: string, clientId: string): Promise<Known> => {
    if (text.length > maxBytes) throw oauthRefused.badAssertion('It is too long.')
    const issuer = String(decodeJwt(text).iss)
    const known = await directory.find({ appId: clientId })
    const trusted = known ? await federatedCredentials.trustedBy(clientId.toLowerCase()) : []
    const ofIssuer = trusted.filter(credential => credential.issuer === issuer)
    if (!known || ofIssuer.length === 0 || !outsideTokens.federates(issuer, known.principal.tenantId))
      throw oauthRefused.federatedIssuer(issuer)
    const { sub = '', aud } = await verified(text, issuer, outsideTokens)
    const ofSubject = ofIssuer.filter(credential => credential.subject === sub)
    if (ofSubject.length === 0) throw oauthRefused.federatedSubject(sub)
    const audiences = [aud].flat()
    if (!ofSubject.some(({ audience }) => audiences.includes(audience)))
      throw oauthRefused.federatedAudience(audiences.join(' '))
    return known
  }

const verified = async (text: string, issuer: string, outsideTokens: OutsideTokens): Promise<JWTPayload> => {
  try {
    return await outsideTokens.verifyFederated(text, issuer)
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw oauthRefused.issuerUnreachable(issuer)
    if (error instanceof errors.JWTExpired) throw oauthRefused.assertionOutOfTime()
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf')
      throw oauthRefused.assertionOutOfTime()
    if (error instanceof errors.JOSEError) throw oauthRefused.federatedSignature()
    throw error
  }
}
