import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../measure.ts'
import { type BareMachines, servedDisk } from './bare-machines.ts'
import { openBare } from './boots.ts'
import type { Hands } from './hands.ts'
import { dataBytesOf } from './image.ts'
import { makeMachines } from './our-machines.ts'

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')

interface Served {
  readonly socketFile: string
  end(): Promise<void>
}

/** What a boot reads of a version in place, as it passes through the socket, beside a server of the raw file and all data of the image. */
export const readRows = async (hands: Hands): Promise<Row[]> => {
  hands.tools.say('what a boot reads')
  await (await makeMachines(hands.wish, 1)).remove() // the server finds its accelerator
  const machines = await openBare(hands, 'V1')
  try {
    const ours = await readBy(hands, machines, await serveOurs(hands))
    const theirs = await readBy(hands, machines, await serveRaw(hands))
    const data = (await dataBytesOf(hands.image)) / 2 ** 20
    const mine = { metric: 'vm-boot-reads', unit: 'MiB', ours }
    return [
      { ...mine, beside: data, name: 'the data of the image', must: 1 },
      { ...mine, metric: 'vm-boot-reads-beside-qemu-nbd', beside: theirs, name: 'qemu-nbd on the raw file' },
    ]
  } finally {
    await machines.close()
  }
}

/** MiB that a server sends until a guest of its disk names its SSH server. */
const readBy = async ({ tools }: Hands, machines: BareMachines, served: Served): Promise<number> => {
  const socketFile = path.join(tools.folder, 'counted.sock')
  let bytes = 0
  const relay = net.createServer(near => {
    const far = net.connect(served.socketFile)
    far.on('data', data => {
      bytes += data.length
    })
    pipeline(near, far, near, () => {})
  })
  relay.listen(socketFile)
  await once(relay, 'listening')
  try {
    await machines.boot([servedDisk(socketFile)])
    return bytes / 2 ** 20
  } finally {
    relay.close()
    await served.end()
  }
}

const serveOurs = async ({ server }: Hands): Promise<Served> => {
  const args = [launcher, 'serve-nbd', 'images/gallery/tiny-V1', '--data', server.dataFolder]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [uri] = await once(createInterface({ input: child.stdout }), 'line')
  return { socketFile: new URL(uri).searchParams.get('socket') ?? '', end: () => ended(child) }
}

const serveRaw = async ({ tools, image }: Hands): Promise<Served> => {
  const socketFile = path.join(tools.folder, 'raw.sock')
  const args = ['-r', '-t', '-f', 'raw', '-k', socketFile, image]
  const child = spawn('qemu-nbd', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  while (
    !(await fs.access(socketFile).then(
      () => true,
      () => false,
    ))
  )
    await sleep(20)
  return { socketFile, end: () => ended(child) }
}

const ended = async (child: ReturnType<typeof spawn>): Promise<void> => {
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  await exit
}
