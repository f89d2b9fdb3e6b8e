import type { Identity } from '#identity/identity.ts'
import { TokenRefused } from '#identity/token-refused.ts'
import type { Caller as TokenCaller } from '#identity/tokens.ts'
import { ArmError, armError } from './arm-error.ts'
import type { RawRequest } from './raw-request.ts'
import type { Caller } from './resource-type.ts'

/** Reads the bearer token of a request; throws Azure's 401s with the challenge that tells a client where to sign in. */
export const authenticateWith =
  (identity: Identity) =>
  async (raw: RawRequest): Promise<Caller> => {
    const [scheme = '', token = ''] = (raw.headers.authorization ?? '').split(' ', 2)
    if (!/^bearer$/i.test(scheme) || token === '') throw challenged(armError.authenticationMissing(), raw)
    try {
      return armCallerOf(await identity.verifyToken(token))
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      throw challenged(refusal(error), raw)
    }
  }

/** Who sends a request, in the words of Resource Manager. */
export const armCallerOf = (caller: TokenCaller): Caller => ({
  tenantId: caller.tenantId,
  objectId: caller.objectId,
  clientId: caller.clientId,
  displayName: caller.kind === 'User' ? (caller.userPrincipalName ?? caller.displayName) : caller.clientId,
  kind: caller.kind === 'User' ? 'User' : 'Application',
})

const refusal = (error: TokenRefused): ArmError => {
  if (error.fault === 'expired') return armError.expiredToken(error.detail)
  if (error.fault === 'audience') return armError.invalidTokenAudience(error.detail.slice(0, 200))
  return armError.invalidToken(`${error.fault}: ${error.detail}`)
}

const challenged = (error: ArmError, raw: RawRequest): ArmError =>
  new ArmError(error.status, error.code, error.message, {
    headers: {
      'www-authenticate': `Bearer authorization_uri="${raw.origin}/adfs", error="invalid_token", error_description="${error.message.replaceAll('"', "'")}"`,
    },
  })
