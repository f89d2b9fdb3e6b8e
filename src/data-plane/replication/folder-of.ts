import { fileURLToPath } from 'node:url'

/** The folder behind a store's URL. Throws on anything but a local `file:` URL. */
export const folderOf = (url: string): string => {
  if (!URL.canParse(url) || new URL(url).protocol !== 'file:')
    throw new TypeError(`A store is a file: URL of a folder on this machine, not ${JSON.stringify(url)}.`)
  return fileURLToPath(url)
}
