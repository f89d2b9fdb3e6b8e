import { hash, timingSafeEqual } from 'node:crypto'
import { type Random, secretText } from '#foundation/random.ts'

/** What a token allows: everything, or reading images. */
export type Role = 'gallery' | 'read'

/** What the gallery keeps of a region that joined: whom to trust there, and what to say. A secret. */
export interface NodeAccess {
  readonly region: string
  /** PEM of the region's own authority: the only one that counts. */
  readonly ca: string
  readonly token: string
  /** May read images, also while no gallery runs. */
  readonly readToken: string
}

/** What somebody needs who may read a region's images, gallery or not. A secret, if a lesser one. */
export interface ReaderAccess {
  readonly region: string
  readonly stores: readonly string[]
  readonly ca: string
  readonly readToken: string
  /** Public keys that sign what versions are, by their ids; older files have none. */
  readonly signers?: readonly { readonly keyid: string; readonly publicKey: string }[]
}

export interface Grant {
  readonly role: Role
  /** SHA-256 of the token, in hex: who reads the region's folder can't use it. */
  readonly tokenHash: string
}

/** What the region starts with: its key, its certificate, and who is let in. A secret. */
export interface NodeJoin {
  readonly region: string
  readonly key: string
  readonly cert: string
  readonly grants: readonly Grant[]
}

/** The file is not one that `opengallery region` wrote. */
export class JoinMalformed extends Error {
  override readonly name = 'JoinMalformed'
}

const FORMAT = 1

export const hashOfToken = (token: string): string => hash('sha256', token, 'hex')

/** Both halves of a join: new tokens of 256 random bits each, and the certificate that `made` holds. */
export const makeJoin = (
  region: string,
  made: { readonly ca: string; readonly key: string; readonly cert: string },
  random: Random,
): { readonly join: NodeJoin; readonly access: NodeAccess } => {
  const [token, readToken] = [secretText(random, 32), secretText(random, 32)]
  const grants: Grant[] = [
    { role: 'gallery', tokenHash: hashOfToken(token) },
    { role: 'read', tokenHash: hashOfToken(readToken) },
  ]
  return { join: { region, key: made.key, cert: made.cert, grants }, access: { region, ca: made.ca, token, readToken } }
}

/** The role of a token, found without telling by its time how much of it was right. */
export const roleOf = (grants: readonly Grant[], token: string): Role | undefined => {
  const given = Buffer.from(hashOfToken(token), 'hex')
  let role: Role | undefined
  for (const grant of grants) if (timingSafeEqual(given, Buffer.from(grant.tokenHash, 'hex'))) role = grant.role
  return role
}

export const joinText = (content: NodeJoin | NodeAccess | ReaderAccess): string =>
  `${JSON.stringify({ format: FORMAT, ...content }, null, 2)}\n`

const fieldsOf = (text: string): Record<string, unknown> => {
  let content: Record<string, unknown> | null
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new JoinMalformed('It is not JSON.', { cause: error })
  }
  if (content?.format !== FORMAT) throw new JoinMalformed(`Its format is ${content?.format}, not ${FORMAT}.`)
  return content
}

const textOf = (content: Record<string, unknown>, field: string): string => {
  const value = content[field]
  if (typeof value !== 'string' || value === '') throw new JoinMalformed(`It has no ${field}.`)
  return value
}

export const readJoin = (text: string): NodeJoin => {
  const content = fieldsOf(text)
  const grants = Array.isArray(content.grants) ? (content.grants as Record<string, unknown>[]) : []
  if (grants.length === 0) throw new JoinMalformed('It lets nobody in.')
  return {
    region: textOf(content, 'region'),
    key: textOf(content, 'key'),
    cert: textOf(content, 'cert'),
    grants: grants.map(({ role, tokenHash }) => {
      if ((role !== 'gallery' && role !== 'read') || !/^[0-9a-f]{64}$/.test(String(tokenHash)))
        throw new JoinMalformed('It has a grant that is none.')
      return { role, tokenHash: String(tokenHash) }
    }),
  }
}

export const readReaderAccess = (text: string): ReaderAccess => {
  const content = fieldsOf(text)
  const stores = Array.isArray(content.stores) ? content.stores.map(String) : []
  if (stores.length === 0) throw new JoinMalformed('It names no store.')
  const signers = Array.isArray(content.signers) ? (content.signers as Record<string, unknown>[]) : undefined
  return {
    ...(signers && {
      signers: signers.map(one => ({ keyid: textOf(one, 'keyid'), publicKey: textOf(one, 'publicKey') })),
    }),
    region: textOf(content, 'region'),
    stores,
    ca: textOf(content, 'ca'),
    readToken: textOf(content, 'readToken'),
  }
}

export const readAccess = (text: string): NodeAccess => {
  const content = fieldsOf(text)
  return {
    region: textOf(content, 'region'),
    ca: textOf(content, 'ca'),
    token: textOf(content, 'token'),
    readToken: textOf(content, 'readToken'),
  }
}
