import type { BodyReader } from './graph-body.ts'
import type { GraphParts } from './graph-call.ts'
import { graphError } from './graph-error.ts'

/** A certificate as a client names it: by its id alone if it is there already. */
interface Key {
  readonly keyId: string | undefined
  readonly pem: string | undefined
  readonly displayName: string | null
  readonly startsAt: Date | undefined
  readonly expiresAt: Date | undefined
}

/** `keyCredentials` of a body: certificates that a program proves itself with. */
export const readKeys = (body: BodyReader): Key[] | undefined => body.parts('keyCredentials')?.map(readKey)

const readKey = (key: BodyReader): Key => {
  const type = key.text('type') ?? 'AsymmetricX509Cert'
  const usage = key.text('usage') ?? 'Verify'
  if (type !== 'AsymmetricX509Cert' || usage !== 'Verify') throw bad()
  key.text('customKeyIdentifier') // worked out, not written: the certificate's thumbprint
  const text = key.text('key', 32 * 1024)
  const read = {
    keyId: key.text('keyId', 36)?.toLowerCase() ?? undefined,
    pem: text ? pemOf(text) : undefined,
    displayName: key.text('displayName') ?? null,
    startsAt: key.date('startDateTime'),
    expiresAt: key.date('endDateTime'),
  }
  key.end()
  return read
}

/** Makes the certificates of a program these: new ones come, those that are not named go. */
export const replaceKeys = async (objectId: string, keys: readonly Key[], { identity }: GraphParts): Promise<void> => {
  const { directory } = identity
  const before = await directory.certificatesOf(objectId)
  const isThere = ({ keyId }: Key) => before.some(certificate => certificate.keyId === keyId)
  if (keys.some(key => key.pem === undefined && !isThere(key))) throw bad()
  const staying = new Set(keys.map(({ keyId }) => keyId))
  for (const { keyId, thumbprint } of before)
    if (!staying.has(keyId)) await directory.removeCertificate(objectId, thumbprint)
  for (const { pem, keyId, displayName, startsAt, expiresAt } of keys) {
    if (pem === undefined || before.some(certificate => certificate.keyId === keyId)) continue
    await directory.addCertificate(objectId, pem, {
      displayName,
      ...(keyId !== undefined && { keyId }),
      ...(startsAt && { startsAt }),
      ...(expiresAt && { expiresAt }),
    })
  }
}

const bad = () => graphError.badProperty('keyCredentials', 'KeyCredential')

/** Clients send a certificate as DER in base64, or the whole PEM file in base64 once more. */
const pemOf = (text: string): string => {
  const bytes = Buffer.from(text, 'base64')
  const inner = bytes.toString('latin1')
  if (inner.startsWith('-----BEGIN CERTIFICATE-----')) return inner
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
