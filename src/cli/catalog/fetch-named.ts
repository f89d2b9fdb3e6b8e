import { commandFor } from '#data-plane/catalog/catalog.ts'
import { type CatalogImage, fileOf, type UrlSource } from '#data-plane/catalog/catalog-image.ts'
import { fetchImage } from '#data-plane/catalog/fetch-image.ts'
import { shippedImages } from '#data-plane/catalog/shipped-images.ts'
import { nodeFiles } from '#foundation/files.ts'
import { Failure } from '../failure.ts'
import { partText, rateText, sizeText } from '../figures.ts'
import { showProgress } from '../progress.ts'
import type { Shell } from '../shell.ts'
import { versionsOf } from './find-image.ts'

/** Fetches what a person calls an image, and shows how it goes. */
export const fetchNamed = async (shell: Shell, dataFolder: string, called: string, signal: AbortSignal) => {
  const { terminal, clock } = shell
  const image = (await versionsOf(dataFolder, called)).at(-1) as CatalogImage
  const source = addressOf(image)
  const startedMs = clock.now().getTime()
  let firstBytes: number | undefined
  using progress = showProgress(terminal, clock)
  const bar = progress.bar(called)
  return await fetchImage(
    { source },
    {
      dataFolder,
      files: nodeFiles,
      clock,
      signal,
      onProgress(doneBytes, totalBytes) {
        firstBytes ??= doneBytes // what a former run has fetched says nothing of today's speed
        const rate = rateText(doneBytes - firstBytes, clock.now().getTime() - startedMs)
        if (totalBytes === undefined) return bar.update(0, `${sizeText(doneBytes)}  ${rate}`)
        bar.update(doneBytes / Math.max(1, totalBytes), `${partText(doneBytes, totalBytes)}  ${rate}`)
        if (doneBytes === totalBytes) bar.end(`${sizeText(totalBytes)}, checking`)
      },
    },
  )
}

/** Where an image comes from, also one that was fetched before: its vendor may have a newer one. */
const addressOf = (image: CatalogImage): UrlSource => {
  if ('build' in image.source)
    throw new Failure('That image is built, not fetched.', { advice: `Run: ${commandFor(image)}` })
  const { url } = image.source
  const shipped = shippedImages.find(({ source }) => 'url' in source && source.url === url && url !== undefined)
  if (shipped) return shipped.source as UrlSource
  const file = fileOf(image)
  if (!file) return image.source as UrlSource
  if (file.url === undefined) throw new Failure('That image is a file of yours: there is nothing to fetch.')
  return { url: file.url, format: file.format, sha256: file.sha256 }
}
