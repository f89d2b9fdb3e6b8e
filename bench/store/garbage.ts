import { randomFillSync } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { median, type Row } from '../measure.ts'
import type { StepResult } from './our-step.ts'
import { type Given, limitRow } from './part.ts'
import { quietly, runCommand } from './run-command.ts'

const pageBytes = 4096
const images = 20

/** Random pages with holes between them: each page becomes a chunk of its own, which is the most work for the fewest bytes. */
const manyChunks = (file: string, chunks: number): void => {
  const handle = fs.openSync(file, 'w')
  fs.ftruncateSync(handle, chunks * 2 * pageBytes)
  const page = Buffer.alloc(pageBytes)
  for (let index = 0; index < chunks; index++)
    fs.writeSync(handle, randomFillSync(page), 0, pageBytes, index * 2 * pageBytes)
  fs.closeSync(handle)
}

/** Twenty images that share nothing, of which 5 % or 50 % become garbage; and the same store's start-up beside a tenth of it. */
export const garbage = async (given: Given): Promise<Row[]> => {
  const { tools, peaks } = given
  const chunks = tools.wishes.quick ? 1200 : 10_000
  const image = path.join(tools.folder, 'chunks.raw')
  const store = path.join(tools.folder, 'garbage')
  const small = path.join(tools.folder, 'small')
  for (let index = 0; index < images; index++) {
    manyChunks(image, chunks)
    await peaks.step('publish-small-chunks', 'publish', store, image, `image${index}`)
    if (index === 1) await runCommand(['cp', '-a', store, small])
  }
  fs.rmSync(image)
  const rows = [...(await collection(given, store)), ...(await startUp(given, small, store))]
  for (const folder of [store, small]) fs.rmSync(folder, { recursive: true })
  return rows
}

const collection = async ({ tools, peaks, runs }: Given, store: string): Promise<Row[]> => {
  const collect = async (count: number): Promise<StepResult> => {
    const copy = path.join(tools.folder, 'collected')
    await runCommand(['cp', '-a', store, copy])
    const holds = Array.from({ length: count }, (_, index) => `image${index * Math.floor(images / count)}`)
    const result = await quietly(() => peaks.step('collect', 'collect', copy, ...holds))
    fs.rmSync(copy, { recursive: true })
    return result
  }
  const [few, many]: [StepResult[], StepResult[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    few.push(await collect(images * 0.05))
    many.push(await collect(images * 0.5))
  }
  const of = (results: readonly StepResult[], what: string) => median(results.map(result => result[what] ?? Number.NaN))
  const bytes = (results: readonly StepResult[], share: string): Row => {
    const [ours, beside] = [of(results, 'touchedBytes') / 2 ** 20, of(results, 'freedBytes') / 2 ** 20]
    return { metric: `collect-${share}-touches`, unit: 'MiB', ours, beside, name: 'what it frees', must: 4 }
  }
  const seconds = { ours: of(few, 'collectSeconds'), beside: of(many, 'collectSeconds') }
  return [
    bytes(few, '5-percent'),
    bytes(many, '50-percent'),
    { metric: 'collect-5-percent', unit: 's', ...seconds, name: 'collecting 50 %', must: 0.5, aim: 0.2 },
    { metric: 'collect-first', unit: 's', ours: of(few, 'firstSeconds'), beside: seconds.ours, name: 'a later one' },
  ]
}

const startUp = async ({ peaks, runs }: Given, small: string, large: string): Promise<Row[]> => {
  const [few, many]: [StepResult[], StepResult[]] = [[], []]
  for (let run = 0; run < runs * 2; run++) {
    few.push(await quietly(() => peaks.step('open', 'open', small)))
    many.push(await quietly(() => peaks.step('open', 'open', large)))
  }
  const seconds = (results: readonly StepResult[]) => median(results.map(result => result.seconds))
  const movedBytes = many[0]?.movedBytes ?? Number.NaN
  const storedBytes = many[0]?.storedBytes ?? Number.NaN
  return [
    limitRow('open-reads-of-what-is-stored', '%', (movedBytes / storedBytes) * 100, 5),
    {
      metric: 'open-10-times-the-chunks',
      unit: 's',
      ours: seconds(many),
      beside: seconds(few),
      name: 'a tenth of it',
      must: 10,
      aim: 2,
    },
  ]
}
