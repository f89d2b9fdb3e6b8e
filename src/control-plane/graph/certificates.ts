import type { WantedCertificate } from '#identity/client-certificates.ts'
import type { BodyReader } from './graph-body.ts'
import { graphError } from './graph-error.ts'

/** `keyCredentials` of a body: certificates that a program proves itself with. */
export const readKeys = (body: BodyReader): WantedCertificate[] | undefined =>
  body.parts('keyCredentials')?.map(readKey)

const readKey = (key: BodyReader): WantedCertificate => {
  const type = key.text('type') ?? 'AsymmetricX509Cert'
  const usage = key.text('usage') ?? 'Verify'
  if (type !== 'AsymmetricX509Cert' || usage !== 'Verify')
    throw graphError.badProperty('keyCredentials', 'KeyCredential')
  key.text('customKeyIdentifier') // worked out, not written: the certificate's thumbprint
  const text = key.text('key', 32 * 1024)
  const read = {
    keyId: key.text('keyId', 36)?.toLowerCase() ?? undefined,
    pem: text ? pemOf(text) : undefined,
    displayName: key.text('displayName'),
    startsAt: key.date('startDateTime'),
    expiresAt: key.date('endDateTime'),
  }
  key.end()
  return read
}

/** Clients send a certificate as DER in base64, or the whole PEM file in base64 once more. */
const pemOf = (text: string): string => {
  const bytes = Buffer.from(text, 'base64')
  const inner = bytes.toString('latin1')
  if (inner.startsWith('-----BEGIN CERTIFICATE-----')) return inner
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
