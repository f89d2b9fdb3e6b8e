import * as path from 'node:path'
import { Value } from 'typebox/value'
import { type CatalogImage, imageSchema } from '#data-plane/catalog/catalog-image.ts'
import { parseUrn } from '#data-plane/catalog/image-name.ts'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import type { DiskFormatName } from '#data-plane/disks/inspect.ts'
import { openDisk } from '#data-plane/disks/open-disk.ts'
import { paddedToDisk } from '#data-plane/disks/padded-to-disk.ts'
import type { Clock } from '#foundation/clock.ts'
import { usageError } from '../failure.ts'
import { firmwareOf } from '../images/firmware.ts'
import { keepImages } from './own-image.ts'

export interface AddOptions {
  readonly urn: string
  readonly osType: 'Linux' | 'Windows'
  readonly generation?: 'V1' | 'V2'
  readonly architecture: 'x64' | 'Arm64'
  readonly format?: DiskFormatName
  readonly alias?: readonly string[]
  readonly feature?: readonly string[]
  readonly sha256?: string
  readonly checksums?: string
  readonly fetchOnUse?: true
  readonly force?: true
}

/** Puts a local file, or the address of one, into the catalogue. The file stays where it is, and is inspected now. */
export const addImage = async (
  dataFolder: string,
  clock: Clock,
  source: string,
  options: AddOptions,
  signal: AbortSignal,
): Promise<CatalogImage> => {
  const name = parseUrn(options.urn)
  if (!name || name.version.toLowerCase() === 'latest')
    throw usageError(
      `'${options.urn}' does not name a version of an image.`,
      'Write PUBLISHER:OFFER:SKU:VERSION, with a version of three numbers: Acme:linux:server-gen2:1.0.0.',
    )
  const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(source)
  if (!isAddress && (options.checksums ?? options.fetchOnUse))
    throw usageError('--checksums and --fetch-on-use are for images at an https address.')
  const { generation, ...where } = isAddress ? addressOf(source, options) : await fileOf(source, options, signal)
  const image: CatalogImage = {
    ...name,
    osType: options.osType,
    hyperVGeneration: generation,
    architecture: options.architecture,
    ...(options.feature && { features: options.feature.map(featureOf) }),
    ...(options.alias && { aliases: options.alias }),
    ...where,
  }
  if (!Value.Check(imageSchema, image)) {
    const [first] = Value.Errors(imageSchema, image)
    throw usageError(`That is no image for the catalogue: ${first?.instancePath ?? ''} ${first?.message ?? ''}.`)
  }
  await keepImages(dataFolder, clock, [image], { replaces: options.force === true })
  return image
}

type Located = Pick<CatalogImage, 'source'> & { readonly generation: 'V1' | 'V2' }

const addressOf = (url: string, { generation, format, sha256, checksums, fetchOnUse }: AddOptions): Located => {
  if (!/^https:\/\//i.test(url)) throw usageError('Images are fetched by https alone.')
  if (!generation || !format)
    throw usageError('What is not here yet can not be looked at: say --generation and --format.')
  if (fetchOnUse && !sha256) throw usageError('--fetch-on-use needs --sha256: the server must know what it fetches.')
  return {
    generation,
    source: {
      url,
      format,
      ...(sha256 && { sha256: sha256.toLowerCase() }),
      ...(checksums && { checksums }),
      ...(fetchOnUse && { fetchOnUse }),
    },
  }
}

const fileOf = async (named: string, options: AddOptions, signal: AbortSignal): Promise<Located> => {
  const file = path.resolve(named)
  const opened = await openDisk(file, {
    scratchFolder: path.dirname(file),
    ...(options.format && { format: options.format }),
    signal,
  })
  const bytes = paddedToDisk(opened.bytes)
  try {
    const generation = options.generation ?? (await firmwareOf(bytes))
    const sha256 = await fileSum(file, 'sha256', signal)
    if (options.sha256 && options.sha256.toLowerCase() !== sha256)
      throw usageError(`${named} is not what --sha256 says: its SHA-256 is ${sha256}.`)
    return { generation, source: { file, format: opened.format, sha256, diskBytes: bytes.sizeBytes } }
  } finally {
    await bytes.close()
  }
}

const featureOf = (text: string) => {
  const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === '') throw usageError(`'${text}' is not a feature of the form Name=Value.`)
  return { name, value }
}
