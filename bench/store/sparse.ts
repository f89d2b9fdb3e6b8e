import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Row } from '../measure.ts'
import { type Given, limitRow } from './part.ts'
import { quietly } from './run-command.ts'

const imageBytes = 100 * 2 ** 30
const islandBytes = 2 ** 20

/** 100 GiB with a megabyte of text here and there. */
const sparseImage = (file: string, islands: number): void => {
  const handle = fs.openSync(file, 'w')
  fs.ftruncateSync(handle, imageBytes)
  for (let index = 0; index < islands; index++)
    fs.writeSync(
      handle,
      Buffer.alloc(islandBytes, `island ${index} `),
      0,
      islandBytes,
      Math.floor(imageBytes / islands) * index,
    )
  fs.closeSync(handle)
}

/** A disk of 100 GiB, nearly all of it holes, published, restored and verified: for the memory that this takes. */
export const sparse = async ({ tools, peaks }: Given): Promise<Row[]> => {
  const image = path.join(tools.folder, 'sparse.raw')
  sparseImage(image, tools.wishes.quick ? 40 : 400)
  const store = path.join(tools.folder, 'sparse')
  const restored = `${image}.restored`
  await quietly(() => peaks.step('publish-100gib-sparse', 'publish', store, image, 'sparse'))
  await quietly(() => peaks.step('restore-100gib-sparse', 'restore', store, 'sparse', restored))
  await quietly(() => peaks.step('verify-100gib-sparse', 'verify', store))
  for (const file of [store, image, restored]) fs.rmSync(file, { recursive: true })
  return []
}

/** The most memory that any run of each step has held. */
export const memoryRows = ({ peaks }: Given): Row[] =>
  peaks.all().map(([label, mostMiB]) => limitRow(`memory-${label}`, 'MiB', mostMiB, 256, 160))
