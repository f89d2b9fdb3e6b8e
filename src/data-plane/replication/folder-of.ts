import { fileURLToPath } from 'node:url'

/** Whether a store is in another process, which has a URL of one name. */
export const isNodeUrl = (url: string): boolean =>
  /^https:\/\/[^/?#@]+\/[a-z0-9-]{1,40}$/.test(url) && URL.canParse(url)

/** The folder behind a store's URL. Throws on anything but a local `file:` URL. */
export const folderOf = (url: string): string => {
  if (!URL.canParse(url) || new URL(url).protocol !== 'file:')
    throw new TypeError(`A store is a file: URL of a folder on this machine, not ${JSON.stringify(url)}.`)
  return fileURLToPath(url)
}
