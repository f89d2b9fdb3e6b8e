import type { Clock } from '#foundation/clock.ts'
import { type Files, replaceFile } from '#foundation/files.ts'
import { FolderLocked, lockFolder } from '#foundation/lock-file.ts'
import { type CatalogContent, catalogFile, catalogFolder, contentOf, readCatalog } from './catalog-file.ts'

/** Changes the file, beside whatever other process does so. `change` gets what it says and tells what it is to say. */
export const changeCatalog = async (
  files: Files,
  clock: Clock,
  dataFolder: string,
  change: (content: CatalogContent) => CatalogContent,
): Promise<void> => {
  await files.makeFolder(catalogFolder(dataFolder))
  const release = await lockCatalog(dataFolder, clock)
  try {
    const content = change(await readCatalog(files, dataFolder))
    const text = `${JSON.stringify(content, null, 2)}\n`
    contentOf(text, catalogFile(dataFolder)) // what could not be read again is never written
    await replaceFile(files, catalogFile(dataFolder), Buffer.from(text))
  } finally {
    release()
  }
}

const attempts = 50
const pauseMs = 100

const lockCatalog = async (dataFolder: string, clock: Clock): Promise<() => void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return lockFolder(catalogFolder(dataFolder))
    } catch (error) {
      if (!(error instanceof FolderLocked) || attempt === attempts) throw error
      await clock.sleep(pauseMs)
    }
  }
}
