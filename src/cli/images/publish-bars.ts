import type { Clock } from '#foundation/clock.ts'
import type { UploadedBytes, VersionBytes } from '../client/server-admin.ts'
import { partText, rateText, sizeText } from '../figures.ts'
import type { Bar, Progress } from '../progress.ts'
import type { PublishWatch } from './publish-image.ts'
import { shortName, type TargetRegion } from './target-regions.ts'

/** Draws a publish: one bar for the upload, then one for each region; `done` adds what deduplication saved. */
export const publishBars = (
  progress: Progress,
  { regions, location }: { regions: readonly TargetRegion[]; location: string },
  sizeBytes: number,
  clock: Clock,
): PublishWatch & { done(bytes: UploadedBytes & VersionBytes): void } => {
  const startedMs = clock.now().getTime()
  const upload = progress.bar('upload')
  const bars = new Map<string, Bar>()
  return {
    uploading(doneBytes, sentBytes) {
      const rate = rateText(doneBytes, clock.now().getTime() - startedMs)
      upload.update(doneBytes / sizeBytes, `${partText(sentBytes, sizeBytes)} sent, ${rate}`)
    },
    uploaded(sentBytes, since) {
      const elapsedMs = clock.now().getTime() - startedMs
      upload.update(1)
      const what = since
        ? `${partText(since.differingBytes, sizeBytes)} differ from ${since.version}`
        : `${partText(sentBytes, sizeBytes)} sent, the rest is zeros`
      upload.end(`${what}, ${rateText(sizeBytes, elapsedMs)}`)
      for (const { name } of regions) bars.set(name, progress.bar(name))
    },
    replicating(states) {
      for (const { region, state, progress: percent, details } of states)
        bars.get(shortName(region))?.update(percent / 100, details || state)
    },
    done(bytes) {
      for (const region of bytes.regions) {
        const bar = bars.get(shortName(region.name))
        // The home region's first store had the bytes from the upload; what it lacked then was new there.
        const newBytes = region.name === location ? bytes.newBytes : region.newBytes
        bar?.update(1)
        // Regions on one file system have files in common.
        const travelled = region.sentBytes === 0 ? 'nothing had to travel' : `${sizeText(region.sentBytes)} travelled`
        bar?.end(`${partText(newBytes, sizeBytes)} were new, ${travelled}`)
      }
    },
  }
}
