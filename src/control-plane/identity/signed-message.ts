import { hash, type KeyObject, sign, type X509Certificate } from 'node:crypto'
import { integer, objectId, octets, sequence, set, time, wrapped } from './der.ts'

const sha256 = sequence(objectId('2.16.840.1.101.3.4.2.1'))
const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))
const data = objectId('1.2.840.113549.1.7.1')
const signedData = objectId('1.2.840.113549.1.7.2')
const version1 = integer(Buffer.from([1]))

const attribute = (id: string, value: Buffer) => sequence(objectId(id), set(value))

/** Where the content of the element at `offset` begins, and where it ends: at the next element. Certificates are shorter than 64 KiB. */
const inside = (der: Buffer, offset: number) => {
  const first = der[offset + 1] ?? 0
  const longBytes = first < 0x80 ? 0 : first & 0x7f
  const start = offset + 2 + longBytes
  return { start, end: start + (longBytes === 0 ? first : der.readUIntBE(offset + 2, longBytes)) }
}

/** Who issued a certificate and under which number, as they stand in it: how a signature names its signer. */
const issuerAndSerial = (der: Buffer): Buffer => {
  const toBeSigned = inside(der, 0).start
  const version = inside(der, toBeSigned).start
  const serial = inside(der, version).end
  const algorithm = inside(der, serial).end
  const issuer = inside(der, algorithm).end
  return sequence(der.subarray(issuer, inside(der, issuer).end), der.subarray(serial, algorithm))
}

/**
 * A message with its signature and the certificates that prove it: CMS SignedData (RFC 5652) in DER, which Azure calls PKCS 7.
 * `certificates` begins with the signer's own, of an ECDSA key on P-256 that `key` is the private half of.
 */
export const signedMessage = (
  message: Uint8Array,
  key: KeyObject,
  certificates: readonly X509Certificate[],
  now: Date,
): Buffer => {
  const [signer] = certificates
  if (!signer) throw new Error('A signature needs its signer’s certificate.')
  const attributes = [
    attribute('1.2.840.113549.1.9.3', data),
    attribute('1.2.840.113549.1.9.5', time(now)),
    attribute('1.2.840.113549.1.9.4', octets(hash('sha256', message, 'buffer'))),
  ].sort(Buffer.compare)
  const signature = sign('sha256', set(...attributes), key)
  const info = sequence(
    version1,
    issuerAndSerial(signer.raw),
    sha256,
    wrapped(0, ...attributes),
    ecdsaWithSha256,
    octets(signature),
  )
  const content = sequence(
    version1,
    set(sha256),
    sequence(data, wrapped(0, octets(message))),
    wrapped(0, ...certificates.map(each => each.raw)),
    set(info),
  )
  return sequence(signedData, wrapped(0, content))
}
