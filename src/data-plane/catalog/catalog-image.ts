import { type Static, Type } from 'typebox'
import { diskFormatNames } from '#data-plane/disks/inspect.ts'
import { type ImageName, partForm, versionForm } from './image-name.ts'

const part = Type.String({ pattern: partForm })
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const httpsUrl = Type.String({ pattern: '^https://[^\\s]+$', maxLength: 2048 })
const format = Type.Enum([...diskFormatNames])
const strict = { additionalProperties: false } as const

/** A disk file on this machine. */
const fileSource = Type.Object(
  {
    file: Type.String({ minLength: 1, maxLength: 4096 }),
    format,
    /** Of the file as it lies there; another file is never taken for it. */
    sha256,
    /** What a guest sees, whole MiB. */
    diskBytes: Type.Integer({ minimum: 1 }),
    /** Where it was fetched. */
    url: Type.Optional(httpsUrl),
  },
  strict,
)

/** A disk file on a vendor's server, not fetched yet. */
const urlSource = Type.Object(
  {
    url: httpsUrl,
    format,
    /** Without it `checksums` tells what the file has to be, and the version is named by its date when it is fetched. */
    sha256: Type.Optional(sha256),
    /** The vendor's own list of sums, on the same host. */
    checksums: Type.Optional(httpsUrl),
    /** The server may fetch it by itself, when the first disk is made of it; only with `sha256`. */
    fetchOnUse: Type.Optional(Type.Boolean()),
  },
  strict,
)

/** One that `opengallery catalog build` makes here. */
const buildSource = Type.Object({ build: Type.Enum(['tiny', 'debian']) }, strict)

/** How one image stands in `catalog.json`. */
export const imageSchema = Type.Object(
  {
    publisher: part,
    offer: part,
    sku: part,
    version: Type.String({ pattern: versionForm }),
    osType: Type.Enum(['Linux', 'Windows']),
    hyperVGeneration: Type.Enum(['V1', 'V2']),
    architecture: Type.Enum(['x64', 'Arm64']),
    features: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), value: Type.String() }, strict), { maxItems: 20 }),
    ),
    /** Short names, as in `az vm create --image Ubuntu2204`. */
    aliases: Type.Optional(Type.Array(part, { maxItems: 20 })),
    source: Type.Union([fileSource, urlSource, buildSource]),
  },
  strict,
)

export type FileSource = Static<typeof fileSource>
export type UrlSource = Static<typeof urlSource>
export type BuildSource = Static<typeof buildSource>

/** A platform image: what it is called, what it is, and where its bytes are. */
export interface CatalogImage extends ImageName {
  readonly osType: 'Linux' | 'Windows'
  /** V1 boots by BIOS, V2 by UEFI. */
  readonly hyperVGeneration: 'V1' | 'V2'
  readonly architecture: 'x64' | 'Arm64'
  readonly features?: readonly { readonly name: string; readonly value: string }[]
  readonly aliases?: readonly string[]
  readonly source: FileSource | UrlSource | BuildSource
}

/** The file of an image that is on this machine. */
export const fileOf = ({ source }: CatalogImage): FileSource | undefined => ('file' in source ? source : undefined)

/** Where the server may fetch an image by itself: an operator has said so, and said what it has to be. */
export const fetchedOnUse = ({ source }: CatalogImage): UrlSource | undefined =>
  'url' in source && !('file' in source) && source.fetchOnUse === true && source.sha256 !== undefined
    ? source
    : undefined
