import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { median, type Row } from '../measure.ts'
import { type Given, limitRow } from './part.ts'
import { quietly } from './run-command.ts'

const holeBytes = 10 * 2 ** 30

/** A file that is one hole costs what the list of its extents costs. */
export const hole = async ({ tools, peaks, runs }: Given): Promise<Row[]> => {
  const image = path.join(tools.folder, 'hole.raw')
  await fs.writeFile(image, '')
  await fs.truncate(image, holeBytes)
  const seconds: number[] = []
  for (let run = 0; run < runs; run++) {
    const store = path.join(tools.folder, 'hole')
    seconds.push((await quietly(() => peaks.step('publish-hole', 'publish', store, image, 'hole'))).seconds)
    await fs.rm(store, { recursive: true })
  }
  return [limitRow('publish-10gib-hole', 's', median(seconds), 0.3, 0.1)]
}
