/** Why an access token is not accepted. ARM has an error code of its own for the expired ones and for a wrong audience. */
export type TokenFault = 'malformed' | 'signature' | 'issuer' | 'audience' | 'expired' | 'not-yet-valid' | 'principal'

/** An access token is not accepted. The fields say why; the token itself is never in here. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly fault: TokenFault
  /** What was wrong, for the answer: an audience, a time; nothing that the caller didn't send. */
  readonly detail: string
  constructor(fault: TokenFault, detail: string, cause?: unknown) {
    super(`The access token is refused (${fault}): ${detail}`, { cause })
    this.fault = fault
    this.detail = detail
  }
}
