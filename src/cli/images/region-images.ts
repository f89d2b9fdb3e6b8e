import * as fs from 'node:fs/promises'
import type { ChunkStore, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { NodeUnreachable } from '#data-plane/nodes/faults.ts'
import { httpsStore } from '#data-plane/nodes/https-store.ts'
import { type ReaderAccess, readReaderAccess } from '#data-plane/nodes/join.ts'
import type { Clock } from '#foundation/clock.ts'
import { Failure } from '../failure.ts'
import { byNumbers } from './pull-image.ts'

/** A disk of a version, as a region knows it without the server: by the name of its hold. */
export interface RegionImage {
  /** `group/gallery/definition/version`, in lower case. */
  readonly version: string
  /** `os`, `lun0`... */
  readonly slot: string
  /** The version as its hold names it: its id in lower case, and its uid. */
  readonly id: string
  readonly uid: string
  readonly manifest: ManifestId
  readonly sizeBytes: number
  readonly dataBytes: number
}

const heldVersion =
  /^(.*\/resourcegroups\/([^/]+)\/providers\/microsoft\.compute\/galleries\/([^/]+)\/images\/([^/]+)\/versions\/([^/@]+))@([^/]+)\/(os|lun\d+)-[0-9a-f]{16}$/

/** Opens the first of a region's stores that answers. */
export const withReader = async <T>(
  file: string,
  clock: Clock,
  work: (store: ChunkStore, access: ReaderAccess) => Promise<T>,
): Promise<T> => {
  const access = await readerAccess(file)
  const store = await openAny(access, clock)
  try {
    return await work(store, access)
  } finally {
    await store.close()
  }
}

const readerAccess = async (file: string): Promise<ReaderAccess> => {
  try {
    return readReaderAccess(await fs.readFile(file, 'utf8'))
  } catch (error) {
    const advice = 'Make one with `opengallery region reader` on the gallery’s machine.'
    throw new Failure(`${file} can't be used: ${(error as Error).message}`, { advice, cause: error })
  }
}

const openAny = async ({ region, stores, ca, readToken }: ReaderAccess, clock: Clock): Promise<ChunkStore> => {
  let failure: unknown
  for (const url of stores) {
    try {
      return await httpsStore(url, async () => ({ region, ca, token: readToken, readToken }), { clock })()
    } catch (error) {
      if (!(error instanceof NodeUnreachable)) throw error
      failure = error
    }
  }
  throw new Failure(`Region ${region} does not answer: ${(failure as Error).message}`, { cause: failure })
}

/** Every disk of every version that the store holds. */
export async function* imagesIn(store: ChunkStore): AsyncGenerator<RegionImage> {
  for await (const { name, manifest } of store.holds()) {
    const [, id = '', group, gallery, definition, number, uid = '', slot] = heldVersion.exec(name) ?? []
    if (slot === undefined) continue
    const { sizeBytes, dataBytes } = await store.describe(manifest)
    yield { version: `${group}/${gallery}/${definition}/${number}`, slot, id, uid, manifest, sizeBytes, dataBytes }
  }
}

/** A disk of the version that a person named; of the highest if they named a definition. */
export const findImage = async (store: ChunkStore, wanted: string, slot = 'os'): Promise<RegionImage> => {
  const [group = '', gallery = '', definition = '', number, ...rest] = wanted.toLowerCase().split('/')
  if (definition === '' || rest.length > 0)
    throw new Failure(`'${wanted}' names no image version.`, { advice: 'Write GROUP/GALLERY/DEFINITION[/VERSION].' })
  const found: RegionImage[] = []
  for await (const image of imagesIn(store)) {
    const isNamed = image.version.startsWith(`${group}/${gallery}/${definition}/`)
    if (isNamed && image.slot === slot && (number === undefined || image.version.endsWith(`/${number}`)))
      found.push(image)
  }
  const numberOf = ({ version }: RegionImage) => version.split('/').at(-1) ?? ''
  const highest = found.sort((a, b) => byNumbers(numberOf(a), numberOf(b))).at(-1)
  if (!highest)
    throw new Failure(`The region holds no ${slot} disk of ${wanted}.`, {
      advice: '`opengallery region images` lists what it holds.',
    })
  return highest
}
