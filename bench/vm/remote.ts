import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { opengallery } from '../command.ts'
import { openServer } from '../http-tools.ts'
import { type Row, secondsOf, type Tools } from '../measure.ts'
import { rawDisk } from './bare-machines.ts'
import { openBare } from './boots.ts'
import { freePort } from './free-port.ts'
import { endMachinesAfter, type Hands } from './hands.ts'
import { publishImage } from './image.ts'
import { type KeyPair, makeMachines } from './our-machines.ts'
import { type Pace, startSlowLink } from './slow-link.ts'

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')
const region = 'westeurope'

/** 50 Mbit/s, 20 ms there and back. */
const pace: Pace = { bytesPerSecond: 50e6 / 8, delayMs: 10 }

/** A full distribution has several times of what its boot reads: so much is put behind the tiny image. */
const moreMiB = 256

/** The first machine of an image whose only replica is behind a slow link, beside QEMU on a copy that is brought over the same link first. */
export const remoteRows = async ({
  tools,
  image,
  key,
}: {
  tools: Tools
  image: string
  key: KeyPair
}): Promise<Row[]> => {
  tools.say('a region behind a slow link')
  const port = await freePort()
  const link = await startSlowLink(port)
  tools.after(() => link.close())
  const store = `${region}=https://127.0.0.1:${link.port}/main`
  const { server, send } = await openServer(tools, ['--vm-cores', '64', '--region', 'eastus', '--region', store])
  endMachinesAfter(tools, server.dataFolder)
  await startRegion(tools, server.dataFolder, { port, address: `127.0.0.1:${link.port}` })
  const big = await largerImage(tools, image)
  const imageId = await publishImage(server, { file: big, name: 'remote', generation: 'V1', region })
  const wish = { send, subscriptionId: server.admin.subscriptionId, location: region, imageId, key }
  await server.stop()
  await server.restart() // nothing of it is in a cache
  link.limit(pace)
  const before = link.receivedBytes
  const made = await makeMachines(wish, 1)
  const sentMiB = (link.receivedBytes - before) / 2 ** 20
  await made.remove()
  const copy = path.join(tools.folder, 'remote-copy.raw')
  const copying = await secondsOf(() =>
    opengallery(server, ['pull', 'images/gallery/remote', copy, '--region', region, '--no-flush']),
  )
  const hands: Hands = { tools, server, image: big, wish }
  const machines = await openBare(hands, 'V1')
  const boot = await machines.boot([rawDisk(copy)])
  await machines.close()
  await fs.rm(copy)
  tools.show(
    `        over the link until ssh: ${sentMiB.toFixed(1)} MiB; the copy took ${copying.toFixed(1)} s, its boot ${boot.toFixed(1)} s`,
  )
  const name = 'copying first over the same link, then a bare boot'
  return [{ metric: 'vm-remote-first', unit: 's', ours: made.untilSsh, beside: copying + boot, name, must: 0.5 }]
}

/** The tiny image on a larger disk, behind which random bytes lie. */
const largerImage = async (tools: Tools, image: string): Promise<string> => {
  const file = path.join(tools.folder, 'larger.raw')
  await fs.copyFile(image, file)
  for (let part = 0; part < (tools.wishes.quick ? moreMiB / 8 : moreMiB); part++)
    await fs.appendFile(file, randomBytes(2 ** 20))
  return file
}

const startRegion = async (tools: Tools, gallery: string, { port, address }: { port: number; address: string }) => {
  const join = path.join(tools.folder, `${region}.join`)
  await command(['region', 'join', '--name', region, '--address', address, '--out', join, '--data', gallery])
  const data = path.join(tools.folder, 'region')
  const place = ['--name', region, '--data', data, '--listen', `127.0.0.1:${port}`, '--join', join]
  const child = spawn(process.execPath, [launcher, 'region', ...place], { stdio: ['ignore', 'pipe', 'inherit'] })
  tools.after(() => end(child))
  await once(child.stdout, 'data')
}

const command = async (args: readonly string[]): Promise<void> => {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`opengallery ${args.join(' ')} ended with ${code}.`)
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
