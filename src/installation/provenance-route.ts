import type { FastifyInstance } from 'fastify'
import { armError } from '#arm/arm-error.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import { type Envelope, openEnvelope, type PublicImageKey } from '#provenance/envelope.ts'
import {
  checkVersion,
  provenanceOf,
  type SigningParts,
} from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { imageVersionType } from '#providers/Microsoft.Compute/galleries/images/versions/version-properties.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { callerOf } from './caller-of.ts'
import type { ImageParts } from './image-routes.ts'
import type { Given } from './stored-version.ts'

/**
 * `GET /opengallery/provenance?id=VERSION`: where a version comes from, and whether its signature fits it, for whoever may read the
 * version. `envelope` is a DSSE envelope around an in-toto statement with a SLSA provenance.
 */
export const provenanceRoute = (parts: ImageParts) => (app: FastifyInstance) => {
  app.get<{ Querystring: { id?: Given } }>('/opengallery/provenance', async request => {
    const caller = await callerOf(request, parts)
    const text = typeof request.query.id === 'string' ? request.query.id : ''
    const id = ResourceId.parse(text)
    if (!id || id.type.toLowerCase() !== imageVersionType.toLowerCase())
      throw armError.invalidQueryParameter('id', text.slice(0, 300))
    await requireRight(caller, `${imageVersionType}/read`, id, parts.arm)
    const version = await parts.arm.resources.find(id.key)
    if (!version) throw armError.resourceNotFound(`${imageVersionType}/${id.names.join('/')}`, id.resourceGroup ?? '')
    return shownProvenance(version, parts.signing)
  })
}

/** What is kept of a version's origin, and what checking it comes to. */
export const shownProvenance = (version: ResourceDocument, signing: SigningParts): JsonObject => {
  const checked = checkVersion(version, signing)
  const { envelope, former } = provenanceOf(version) ?? {}
  const key = 'keyid' in checked ? signing.imageKeys.all().find(({ keyid }) => keyid === checked.keyid) : undefined
  return {
    id: version.id,
    state: checked.state,
    ...(key ? { signedBy: { ...key } } : {}),
    ...(envelope ? { statement: statementIn(envelope), envelope: envelope as unknown as Json } : {}),
    ...(former ? { former: shownFormer(former.envelope, former.key) } : {}),
  }
}

/** What another installation said before a bundle brought the bytes here; the bundle's signature vouched for its key. */
const shownFormer = (envelope: Envelope, key: PublicImageKey): JsonObject => ({
  state: openEnvelope(envelope, [key]) ? 'signed' : 'broken',
  signedBy: { ...key },
  statement: statementIn(envelope),
  envelope: envelope as unknown as Json,
})

const statementIn = (envelope: Envelope): Json => {
  try {
    return JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as Json
  } catch {
    return null
  }
}
