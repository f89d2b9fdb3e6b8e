import { createHmac } from 'node:crypto'
import { Type } from 'typebox'
import type { Action } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { accountError } from './account-errors.ts'
import { keyNames, keysOf } from './account-keys.ts'

const version = '2022-11-02'

const text = () => Type.Optional(Type.String({ maxLength: 1024, emptyIsAbsent: true }))
const instant = () => Type.String({ format: 'date-time' })
const terms = {
  signedIp: text(),
  signedProtocol: Type.Optional(Type.Enum(['https', 'https,http'])),
  signedStart: Type.Optional(instant()),
  signedExpiry: instant(),
  keyToSign: Type.Optional(Type.Enum([...keyNames])),
}

type Terms = Readonly<Record<string, string | undefined>>

/** A signature over the whole account, or parts of it, as a query string. */
export const signAccount: Action = {
  permission: 'listAccountSas/action',
  body: Type.Object({
    signedServices: Type.String({ maxLength: 20 }),
    signedResourceTypes: Type.String({ maxLength: 20 }),
    signedPermission: Type.String({ maxLength: 40 }),
    ...terms,
  }),
  async run({ document, body }) {
    const given = body as Terms
    if (!/^[bfqt]+$/.test(given.signedServices ?? '')) throw accountError.sasInvalid('signedServices')
    if (!/^[sco]+$/.test(given.signedResourceTypes ?? '')) throw accountError.sasInvalid('signedResourceTypes')
    const query = {
      sv: version,
      ss: given.signedServices,
      srt: given.signedResourceTypes,
      sp: given.signedPermission,
      ...timesOf(given),
    }
    const fields = [query.sp, query.ss, query.srt, query.st, query.se, query.sip, query.spr, version, '']
    const signed = [document.name, ...fields, ''].map(field => field ?? '').join('\n')
    return { status: 200, body: { accountSasToken: token(query, signed, document, given) } }
  },
}

/** A signature over one container or blob, as a query string. */
export const signContainerOrBlob: Action = {
  permission: 'listServiceSas/action',
  body: Type.Object({
    canonicalizedResource: Type.String({ maxLength: 2048 }),
    signedResource: Type.Optional(Type.Enum(['b', 'c', 'f', 's'])),
    signedPermission: text(),
    signedIdentifier: text(),
    startPk: text(),
    endPk: text(),
    startRk: text(),
    endRk: text(),
    rscc: text(),
    rscd: text(),
    rsce: text(),
    rscl: text(),
    rsct: text(),
    ...terms,
  }),
  async run({ document, body }) {
    const given = body as Terms
    const resource = given.canonicalizedResource ?? ''
    const depth = resource.split('/').length - 3
    if (!resource.startsWith(`/blob/${document.name}/`) || depth < 1)
      throw accountError.sasInvalid('canonicalizedResource')
    if (given.signedResource !== 'b' && given.signedResource !== 'c') throw accountError.sasInvalid('signedResource')
    if (given.signedIdentifier) throw accountError.sasInvalid('signedIdentifier')
    const { rscc, rscd, rsce, rscl, rsct } = given
    const overrides = { rscc, rscd, rsce, rscl, rsct }
    const query = { sv: version, sr: given.signedResource, sp: given.signedPermission, ...timesOf(given), ...overrides }
    const head = [query.sp, query.st, query.se, resource, '', query.sip, query.spr, version, query.sr, '', '']
    const signed = [...head, ...Object.values(overrides)].map(field => field ?? '').join('\n')
    return { status: 200, body: { serviceSasToken: token(query, signed, document, given) } }
  },
}

const timesOf = ({ signedStart, signedExpiry, signedIp, signedProtocol }: Terms) => ({
  st: wholeSeconds(signedStart),
  se: wholeSeconds(signedExpiry),
  sip: signedIp,
  spr: signedProtocol,
})

/** The form of the time that every version of the service reads. */
const wholeSeconds = (time: string | undefined): string | undefined => time?.replace(/\.\d+Z$/, 'Z')

const token = (query: Terms, signed: string, document: ResourceDocument, { keyToSign }: Terms): string => {
  const key = keysOf(document)[keyToSign === 'key2' ? 1 : 0]
  const sig = createHmac('sha256', Buffer.from(key.value, 'base64')).update(signed, 'utf8').digest('base64')
  const parameters = Object.entries({ ...query, sig }).filter(([, value]) => value !== undefined)
  return new URLSearchParams(parameters as [string, string][]).toString()
}
