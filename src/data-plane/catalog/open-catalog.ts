import { ChunkCorrupt, type ManifestId, ManifestMissing, type Watch } from '#data-plane/chunks/chunk-store.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Files } from '#foundation/files.ts'
import { type Catalog, ImageNotHere, NoSuchImage, type StoredImage } from './catalog.ts'
import { offeredImages, readCatalog } from './catalog-file.ts'
import { type CatalogImage, type FileSource, fetchedOnUse, fileOf } from './catalog-image.ts'
import { fetchImage } from './fetch-image.ts'
import { isSameImage, urnOf } from './image-name.ts'
import { openImageFile } from './open-image-file.ts'
import { SharedWork } from './shared-work.ts'

export interface CatalogParts {
  readonly dataFolder: string
  readonly files: Files
  readonly clock: Clock
  readonly database: Database
  readonly regions: Regions
}

interface CatalogTables {
  /** Which bytes are in which region, by the SHA-256 of the file that they came in. */
  catalog_image: { sha256: string; region: string; manifest: string; size_bytes: number }
}

const tables = [
  `create table if not exists catalog_image (
    sha256 text not null, region text not null, manifest text not null, size_bytes integer not null,
    primary key (sha256, region)) strict, without rowid`,
]

/** All holds of the catalogue are named so. */
const holdOf = (sha256: string): string => `catalog/${sha256}`

/**
 * The catalogue of a server. `catalog.json` is read whenever it is asked for, so that a command that changes it needs no word with the
 * server. What a region has of an image stands in the database, and is a promise like that of a disk.
 */
export const openCatalog = async ({ dataFolder, files, clock, database, regions }: CatalogParts): Promise<Catalog> => {
  await database.migrate(tables)
  const rows = () => database.as<CatalogTables>()
  const images = async () => offeredImages(await readCatalog(files, dataFolder))
  /** One for each address: two would write one file. */
  const fetches = new SharedWork<FileSource>()
  /** Holds that are being made: nobody has promised them yet, and nobody may take them for orphans. */
  const underWay = new Map<string, Promise<StoredImage>>()

  const remember = async (sha256: string, region: string, { manifest, sizeBytes }: StoredImage) => {
    const row = { sha256, region, manifest, size_bytes: sizeBytes }
    await rows()
      .insertInto('catalog_image')
      .values(row)
      .onConflict(conflict => conflict.columns(['sha256', 'region']).doUpdateSet(row))
      .execute()
  }

  const known = async (sha256: string): Promise<StoredImage | undefined> => {
    const row = await rows().selectFrom('catalog_image').selectAll().where('sha256', '=', sha256).executeTakeFirst()
    return row && { manifest: row.manifest as ManifestId, sizeBytes: row.size_bytes }
  }

  /** Holds what some region has; undefined if none has it any more, or undamaged. */
  const copy = async (source: FileSource, region: string, watch: Watch): Promise<StoredImage | undefined> => {
    const stored = await known(source.sha256)
    if (!stored) return undefined
    try {
      await regions.hold(region, stored.manifest, holdOf(source.sha256), 1, watch)
      return stored
    } catch (error) {
      if (error instanceof ManifestMissing || error instanceof ChunkCorrupt) return undefined
      throw error
    }
  }

  const ingest = async (source: FileSource, region: string, watch: Watch): Promise<StoredImage> => {
    const bytes = await openImageFile(source, dataFolder, watch.signal)
    try {
      const { manifest } = await regions.ingest(region, bytes, holdOf(source.sha256), watch)
      return { manifest, sizeBytes: bytes.sizeBytes }
    } finally {
      await bytes.close()
    }
  }

  /** One at a time for each image: the second to come finds the bytes of the first. */
  const keep = async (source: FileSource, region: string, watch: Watch): Promise<StoredImage> => {
    const { sha256 } = source
    await underWay.get(sha256)?.catch(() => {})
    const before = underWay.get(sha256)
    if (before) return keep(source, region, watch)
    const work = (async () => {
      const stored = (await copy(source, region, watch)) ?? (await ingest(source, region, watch))
      await remember(sha256, region, stored)
      return stored
    })()
    underWay.set(sha256, work)
    try {
      return await work
    } finally {
      underWay.delete(sha256)
    }
  }

  const fetched = async (image: CatalogImage, watch: Watch): Promise<FileSource | undefined> => {
    const source = fetchedOnUse(image)
    return (
      source &&
      (await fetches.join(source.url, watch, async ({ signal, onProgress }) => {
        const progress = (done: number, total = 0) => onProgress(done, total)
        const { images } = await fetchImage({ source }, { dataFolder, files, clock, signal, onProgress: progress })
        return images[0]?.source as FileSource
      }))
    )
  }

  return {
    images,
    async take(name, region, hold, watch) {
      const image = (await images()).find(image => isSameImage(image, name))
      if (!image) throw new NoSuchImage(urnOf(name))
      const source = fileOf(image) ?? (await fetched(image, watch))
      if (!source) throw new ImageNotHere(image)
      const stored = await keep(source, region, watch)
      await regions.hold(region, stored.manifest, hold, 1, watch)
      return stored
    },
    owns: hold => hold.startsWith('catalog/') && !underWay.has(hold.slice('catalog/'.length)),
    async *promises() {
      // A list that can't be read says nothing of what is no longer wanted.
      const offered = await images().then(
        images => new Set(images.flatMap(image => fileOf(image)?.sha256 ?? [])),
        () => undefined,
      )
      for (const { sha256, region, manifest } of await rows().selectFrom('catalog_image').selectAll().execute()) {
        if (offered && !offered.has(sha256))
          await rows().deleteFrom('catalog_image').where('sha256', '=', sha256).execute()
        else if (regions.names.includes(region))
          yield { hold: holdOf(sha256), region, manifest: manifest as ManifestId, copies: 1 } satisfies HoldPromise
      }
    },
  }
}
