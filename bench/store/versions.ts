import * as path from 'node:path'
import { loadNative } from '#data-plane/native/load-native.ts'
import type { Row } from '../measure.ts'
import { captureOf } from './capture.ts'
import { versionImages } from './images.ts'
import { copySeconds, sha256Seconds, zstdSeconds } from './limits.ts'
import { Peaks } from './our-step.ts'
import { ourName, ours, scriptName } from './ours.ts'
import type { Given } from './part.ts'
import { race } from './race.ts'
import { captureEvent, deepEvent, firstCaptureEvent, limitNames, versionRows } from './version-rows.ts'

const columns = [
  'publish v1',
  'publish v2s',
  captureEvent,
  firstCaptureEvent,
  'publish v2',
  'publish v3',
  'added v2s',
  'stored',
  'restore',
  'verify',
  deepEvent,
]

/** What is measured in the same quiet as an event of the race. */
interface Beside {
  readonly after: string
  /** What it is told as, if not as the event itself. */
  readonly event?: string
  readonly name: string
  readonly measure: () => Promise<number>
}

/** Four versions of one disk through us and through the peers, step by step in turn, beside the limits of the machine. */
export const versions = async ({ tools, peers, peaks, runs }: Given): Promise<Row[]> => {
  const images = await versionImages(tools)
  const fileOf = (wanted: string) => images.find(({ name }) => name === wanted)?.file ?? ''
  let checkedBytes = 0
  let deepSeconds = 0
  const our = {
    ...ours(peaks),
    async verify(store: string) {
      const folder = path.join(store, 'store')
      const deep = await peaks.step('verify-deep', 'verify', folder, 'deep')
      checkedBytes = deep.bytes ?? Number.NaN
      deepSeconds = deep.seconds
      return (await peaks.step('verify', 'verify', folder)).seconds
    },
  }
  const capture = await captureOf({ tools, peaks }, fileOf('v1'), fileOf('v2s'))
  let firstSeconds = 0
  const captured = async () => {
    const { first, later } = await capture()
    firstSeconds = first
    return later
  }
  const besides: readonly Beside[] = [
    { after: 'publish v1', name: limitNames.zstd, measure: () => zstdSeconds(fileOf('v1'), tools.folder) },
    { after: 'publish v2s', event: captureEvent, name: ourName, measure: captured },
    { after: 'publish v2s', event: firstCaptureEvent, name: ourName, measure: async () => firstSeconds },
    { after: 'restore', name: limitNames.copy, measure: () => copySeconds(fileOf('v2'), tools.folder) },
    { after: 'verify', event: deepEvent, name: ourName, measure: async () => deepSeconds },
    { after: 'verify', name: limitNames.sha256, measure: () => sha256Seconds(fileOf('v2'), checkedBytes) },
  ]
  const inScript = ours(new Peaks({ OPENGALLERY_NATIVE: '0' }), scriptName)
  const isNative = typeof loadNative() !== 'string'
  const everybody = [our, ...(isNative ? [inScript] : []), ...peers.present]
  const standings = await race(tools, everybody, {
    images,
    restored: 'v2',
    verifies: true,
    runs,
    async limits(done, found) {
      for (const { after, event = after, name, measure } of besides)
        if (after === done) found.add(event, name, await measure())
    },
  })
  const names = [...everybody.map(({ name }) => name), ...Object.values(limitNames)]
  for (const line of standings.table(names, columns)) tools.show(line)
  return versionRows(peers, standings)
}
