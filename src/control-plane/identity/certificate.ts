import { createPublicKey, hash, type KeyObject, sign } from 'node:crypto'
import { bits, integer, objectId, octets, sequence, set, tagged, time, utf8, wrapped, yes } from './der.ts'
import { ipBytes } from './ip-address.ts'

export interface CertificateRequest {
  readonly subject: string
  readonly issuer: string
  readonly serial: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** The subject's key: ECDSA on P-256. */
  readonly publicKey: KeyObject
  /** The issuer's private key: ECDSA on P-256. */
  readonly signWith: KeyObject
  /** The names and addresses of a server; undefined for an authority. */
  readonly hosts?: readonly string[]
}

/** An X.509 certificate (RFC 5280) in PEM form, for an authority of servers or for a server. */
export const certificate = (request: CertificateRequest): string => {
  const toBeSigned = sequence(
    wrapped(0, integer(Buffer.from([2]))),
    integer(request.serial),
    ecdsaWithSha256,
    commonName(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    commonName(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    wrapped(3, sequence(...extensions(request))),
  )
  const der = sequence(toBeSigned, ecdsaWithSha256, bits(sign('sha256', toBeSigned, request.signWith)))
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))

const commonName = (name: string): Buffer => sequence(set(sequence(objectId('2.5.4.3'), utf8(name))))

/** OpenSSL's strict mode, which Python 3.13 turned on, wants each of these, critical where RFC 5280 says so. */
const extensions = ({ hosts, publicKey, signWith }: CertificateRequest): Buffer[] =>
  hosts
    ? [
        critical('2.5.29.19', sequence()),
        critical('2.5.29.15', bits(Buffer.from([0x80]), 7)), // digitalSignature
        extension('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1'))), // serverAuth
        extension('2.5.29.17', sequence(...hosts.map(generalName))),
        extension('2.5.29.14', octets(keyId(publicKey))),
        extension('2.5.29.35', sequence(tagged(0, keyId(createPublicKey(signWith))))),
      ]
    : [
        critical('2.5.29.19', sequence(yes, integer(Buffer.from([0])))), // an authority of servers only: path length 0
        critical('2.5.29.15', bits(Buffer.from([0x06]), 1)), // keyCertSign, cRLSign
        extension('2.5.29.14', octets(keyId(publicKey))),
      ]

const extension = (id: string, value: Buffer): Buffer => sequence(objectId(id), octets(value))
const critical = (id: string, value: Buffer): Buffer => sequence(objectId(id), yes, octets(value))

const generalName = (host: string): Buffer => {
  const address = ipBytes(host)
  return address ? tagged(7, address) : tagged(2, Buffer.from(host, 'ascii'))
}

/** The first 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1); a P-256 point is the last 65 bytes of its SPKI. */
const keyId = (key: KeyObject): Buffer =>
  hash('sha256', key.export({ type: 'spki', format: 'der' }).subarray(-65), 'buffer').subarray(0, 20)
