import type { Envelope, PublicImageKey } from './envelope.ts'

/** Who asked for a version, as the token said. */
export interface Publisher {
  readonly objectId: string
  readonly tenantId: string
  readonly clientId: string
  readonly displayName: string
  readonly kind: 'User' | 'Application'
}

/** What a disk of a version was made of. */
export interface StatedSource {
  readonly disk: string
  /** `version`, `disk`, `snapshot`, `image`, `machine`, `blob`, `url`, `bundle`. */
  readonly kind: string
  /** A resource id, or a URL without its query. */
  readonly uri: string
  /** The id of the bytes, where they were known when it was asked for. */
  readonly manifest?: string
}

export interface StatedVersion {
  readonly id: string
  /** A later version of the same name has another. */
  readonly uid: string
  readonly definition: {
    readonly id: string
    readonly uid: string
    readonly osType: string
    readonly identifier: unknown
  }
  /** Manifest ids by disk: `os`, `lun4`. */
  readonly disks: Readonly<Record<string, string>>
  readonly publisher?: Publisher
  readonly sources: readonly StatedSource[]
  readonly builder: { readonly id: string; readonly version: string }
  readonly finishedOn: string
}

/** A statement that another installation made of the same bytes, before they came here in a bundle. */
export interface FormerStatement {
  readonly envelope: Envelope
  /** The key that signed it, vouched for by the bundle that brought it. */
  readonly key: PublicImageKey
}

const STATEMENT = 'https://in-toto.io/Statement/v1'
const PREDICATE = 'https://slsa.dev/provenance/v1'
/** What the parameters mean: see docs/provenance.md. */
const BUILD_TYPE = 'urn:opengallery:image-version:1'

/** An in-toto statement with a SLSA provenance: which bytes a version has, what they were made of, by whom and when. */
export const statementOf = (version: StatedVersion): Buffer => {
  const { id, uid, definition, disks, publisher, sources, builder, finishedOn } = version
  const digestOf = (manifest: string | undefined) => (manifest === undefined ? {} : { digest: { sha256: manifest } })
  return Buffer.from(
    JSON.stringify({
      _type: STATEMENT,
      subject: Object.entries(disks).map(([name, manifest]) => ({ name, digest: { sha256: manifest } })),
      predicateType: PREDICATE,
      predicate: {
        buildDefinition: {
          buildType: BUILD_TYPE,
          externalParameters: {
            version: id,
            definition: definition.id,
            sources: sources.map(({ disk, uri }) => ({ disk, uri })),
          },
          internalParameters: { uid, definition, ...(publisher ? { publisher } : {}) },
          resolvedDependencies: sources.map(({ uri, kind, manifest }) => ({
            uri,
            annotations: { kind },
            ...digestOf(manifest),
          })),
        },
        runDetails: {
          builder: { id: builder.id, version: { opengallery: builder.version } },
          metadata: { finishedOn },
        },
      },
    }),
  )
}

/** What of a statement has to agree with a version before its bytes are used. `undefined` for what is no such statement. */
export const boundBy = (
  payload: Buffer,
): { readonly id: string; readonly uid: string; readonly disks: Readonly<Record<string, string>> } | undefined => {
  try {
    const { _type, predicateType, subject, predicate } = JSON.parse(payload.toString())
    const { buildType, externalParameters, internalParameters } = predicate.buildDefinition
    if (_type !== STATEMENT || predicateType !== PREDICATE || buildType !== BUILD_TYPE) return undefined
    const disks = (subject as { name: string; digest: { sha256: string } }[]).map(({ name, digest }) => [
      name,
      digest.sha256,
    ])
    return {
      id: String(externalParameters.version),
      uid: String(internalParameters.uid),
      disks: Object.fromEntries(disks),
    }
  } catch {
    return undefined
  }
}
