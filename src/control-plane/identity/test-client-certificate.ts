import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { SignJWT } from 'jose'
import { certificate } from './certificate.ts'

/** A program's RSA key with a certificate for it, and assertions signed with it. For tests. */
export const testClientCertificate = (notAfter = new Date('2040-01-01')) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signer = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const cert = certificate({
    subject: 'client',
    issuer: 'issuer',
    serial: Buffer.from([1]),
    notBefore: new Date('2020-01-01'),
    notAfter,
    publicKey,
    signWith: signer.privateKey,
    hosts: ['client'],
  })
  const print = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex').toString('base64url')
  const { fingerprint, fingerprint256 } = new X509Certificate(cert)
  return {
    pem: cert,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    assertion: (
      claims: Record<string, unknown>,
      alg = 'PS256',
      header: object = { 'x5t#S256': print(fingerprint256) },
    ) => new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(privateKey),
    x5t: print(fingerprint),
  }
}
