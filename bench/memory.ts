import * as fs from 'node:fs'
import * as path from 'node:path'
import { opengallery } from './command.ts'
import { openServer } from './http-tools.ts'
import type { Benchmark } from './measure.ts'

const imageBytes = 100 * 2 ** 30
const islands = 400
const islandBytes = 2 ** 20

/** The most memory that a process has held, in MiB. */
const peakMiB = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** 100 GiB, nearly all of it holes, with data all over. */
const sparseImage = (file: string) => {
  const handle = fs.openSync(file, 'w')
  fs.ftruncateSync(handle, imageBytes)
  for (let index = 0; index < islands; index++) {
    const bytes = Buffer.alloc(islandBytes, `island ${index} `)
    fs.writeSync(handle, bytes, 0, islandBytes, Math.floor((imageBytes / islands) * index))
  }
  fs.closeSync(handle)
}

/** The server's peak while a sparse file of 100 GiB is published, beside what it holds after its start. */
export const memory: Benchmark = async tools => {
  const { server } = await openServer(tools)
  const idle = peakMiB(server.pid())
  const image = path.join(tools.folder, 'sparse.raw')
  sparseImage(image)
  const command = await opengallery(server, ['publish', image, '--definition', 'sparse', '--regions', 'eastus'])
  const peak = peakMiB(server.pid())
  tools.say(
    `idle ${idle.toFixed(0)} MiB, peak ${peak.toFixed(0)} MiB, the command itself ${command.peakMiB.toFixed(0)} MiB`,
  )
  const name = 'the server at rest'
  return [
    { metric: 'memory-publish-100gib', unit: 'MiB', ours: peak, beside: idle, name, must: 4 },
    { metric: 'memory-command-100gib', unit: 'MiB', ours: command.peakMiB, beside: idle, name, must: 4 },
  ]
}
