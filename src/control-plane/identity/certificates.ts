import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto'
import * as path from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '#foundation/clock.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { Random } from '#foundation/random.ts'
import { certificate } from './certificate.ts'
import { ipBytes } from './ip-address.ts'

export interface CertificatesParts {
  readonly files: Files
  readonly clock: Clock
  readonly random: Random
}

export interface ServerCertificate {
  /** What clients are told to trust: a file with the authority's certificate. */
  readonly caFile: string
  readonly ca: string
  /** For `https`: the private key and the certificate, both PEM. */
  readonly key: string
  readonly cert: string
  /** TLS 1.2 and newer, with keys that are gone when a connection is. */
  readonly minVersion: 'TLSv1.2'
  readonly ciphers: string
  readonly notAfter: Date
  /** True when clients must be told of a new `ca.pem`. */
  readonly isNewAuthority: boolean
}

interface Pair {
  readonly key: KeyObject
  readonly x509: X509Certificate
}

const dayMs = 24 * 3600_000
const authorityLifeMs = 3650 * dayMs
// Browsers and Apple's systems refuse a server's certificate that is made for more than 398 days.
const serverLifeMs = 397 * dayMs
/** All of TLS 1.3; of TLS 1.2 what is forward-secret and authenticates what it encrypts. Our keys are of elliptic curves. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
].join(':')

const alwaysHosts = ['localhost', '127.0.0.1', '::1']
const hostName =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i

/**
 * The server's certificate for this machine and `hosts`, signed by an authority of this data folder's own. Made when missing or
 * damaged, and anew when less than a third of its life is left or the hosts are others; call it again from time to time in a server
 * that runs for months. Key and certificate lie in one file, replaced as a whole, so that no crash leaves a pair that doesn't fit.
 */
export const prepareCertificates = async (
  dataFolder: string,
  hosts: readonly string[],
  { files, clock, random }: CertificatesParts,
): Promise<ServerCertificate> => {
  const file = (name: string) => path.join(dataFolder, name)
  const names = [...new Set([...alwaysHosts, ...hosts.map(requireHost)])]
  const now = clock.now()
  await files.makeFolder(dataFolder)

  const oldAuthority = await readPair(files, file('ca-key.pem'))
  const keepsAuthority = oldAuthority && lifeLeft(oldAuthority.x509, now) > serverLifeMs
  const authority = keepsAuthority ? oldAuthority : await newAuthority(now, random)
  if (!keepsAuthority) await writePair(files, file('ca-key.pem'), authority)
  const ca = authority.x509.toString()
  await replaceIfOther(files, file('ca.pem'), ca)

  const oldServer = await readPair(files, file('server.pem'))
  const keepsServer = oldServer && isFit(oldServer.x509, authority.x509, names, now)
  const server = keepsServer ? oldServer : await newServer(authority, names, now, random)
  if (!keepsServer) await writePair(files, file('server.pem'), server)
  return {
    caFile: file('ca.pem'),
    ca,
    key: pemOf(server.key),
    cert: server.x509.toString(),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    notAfter: new Date(server.x509.validTo),
    isNewAuthority: !keepsAuthority,
  }
}

const requireHost = (host: string): string => {
  const plain = host.replace(/^\[|\]$/g, '')
  if (!ipBytes(plain) && !hostName.test(plain)) throw new Error(`'${host}' is neither a host name nor an IP address.`)
  return plain.toLowerCase()
}

const lifeLeft = (x509: X509Certificate, now: Date): number =>
  new Date(x509.validFrom) > now ? 0 : new Date(x509.validTo).getTime() - now.getTime()

const isFit = (x509: X509Certificate, authority: X509Certificate, names: string[], now: Date): boolean =>
  x509.checkIssued(authority) &&
  x509.verify(authority.publicKey) &&
  lifeLeft(x509, now) > serverLifeMs / 3 &&
  x509.subjectAltName?.split(', ').length === names.length &&
  names.every(name => (ipBytes(name) ? x509.checkIP(name) : x509.checkHost(name, { wildcards: name.startsWith('*') })))

const generate = promisify(generateKeyPair)

const newKey = async (): Promise<KeyObject> => {
  const { privateKey } = await generate('ec', { namedCurve: 'prime256v1' })
  return createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

/** An hour early, for clients whose clock is slow. */
const lifetime = (now: Date, lifeMs: number) => {
  const notBefore = new Date(now.getTime() - 3600_000)
  return { notBefore, notAfter: new Date(notBefore.getTime() + lifeMs - 1000) }
}

const newAuthority = async (now: Date, random: Random): Promise<Pair> => {
  const key = await newKey()
  // A name of its own, so that a client that trusts an older authority as well doesn't try the wrong one.
  const name = `OpenGallery ${random.bytes(4).toString('hex')}`
  const pem = certificate({
    subject: name,
    issuer: name,
    serial: random.bytes(16),
    ...lifetime(now, authorityLifeMs),
    publicKey: createPublicKey(pemOf(key)),
    signWith: key,
  })
  return { key, x509: new X509Certificate(pem) }
}

/**
 * A certificate for a peer that trusts this authority and no other. Its authority's key is thrown away: nobody can make a second one.
 * It lives as long as the authority, for there is nobody who could renew it.
 */
export const pinnedCertificate = async (
  hosts: readonly string[],
  { clock, random }: Omit<CertificatesParts, 'files'>,
): Promise<Pick<ServerCertificate, 'ca' | 'key' | 'cert'>> => {
  const authority = await newAuthority(clock.now(), random)
  const server = await newServer(authority, hosts.map(requireHost), clock.now(), random, authorityLifeMs)
  return { ca: authority.x509.toString(), key: pemOf(server.key), cert: server.x509.toString() }
}

const newServer = async (
  authority: Pair,
  hosts: string[],
  now: Date,
  random: Random,
  lifeMs = serverLifeMs,
): Promise<Pair> => {
  const key = await newKey()
  const pem = certificate({
    subject: hosts[0] as string,
    issuer: authority.x509.subject.replace(/^CN=/, ''),
    serial: random.bytes(16),
    ...lifetime(now, lifeMs),
    publicKey: createPublicKey(pemOf(key)),
    signWith: authority.key,
    hosts,
  })
  return { key, x509: new X509Certificate(pem) }
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string

const writePair = (files: Files, file: string, { key, x509 }: Pair): Promise<void> =>
  replaceFile(files, file, Buffer.from(pemOf(key) + x509.toString()))

/** A pair that is not there, or that somebody has damaged, is undefined: it will be made anew. */
const readPair = async (files: Files, file: string): Promise<Pair | undefined> => {
  if (!(await files.exists(file))) return undefined
  const text = (await readWhole(files, file)).toString()
  try {
    const pair = { key: createPrivateKey(text), x509: new X509Certificate(text.slice(text.indexOf('-----BEGIN CERT'))) }
    return pair.x509.checkPrivateKey(pair.key) ? pair : undefined
  } catch {
    return undefined
  }
}

const replaceIfOther = async (files: Files, file: string, text: string): Promise<void> => {
  if ((await files.exists(file)) && (await readWhole(files, file)).toString() === text) return
  await replaceFile(files, file, Buffer.from(text))
}
