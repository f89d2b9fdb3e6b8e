import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type Row, sideBySide } from '../measure.ts'
import { versionImages } from './images.ts'
import type { Given } from './part.ts'
import { quietly } from './run-command.ts'

/** Five regions on one file system share what they can: beside a publish to one of them. */
export const regions = async ({ tools, peaks, runs }: Given): Promise<Row[]> => {
  const [v1] = await versionImages(tools)
  const to = async (count: number) => {
    const folder = path.join(tools.folder, 'regions')
    const label = `publish-to-${count}-regions`
    const { seconds } = await quietly(() => peaks.step(label, 'regions', folder, String(count), v1?.file ?? ''))
    await fs.rm(folder, { recursive: true })
    return seconds
  }
  const cost = await sideBySide(
    runs,
    () => to(5),
    () => to(1),
  )
  return [{ metric: 'publish-to-5-regions', unit: 's', ...cost, name: 'a publish to one region', must: 1.5, aim: 1.2 }]
}
