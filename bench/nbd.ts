import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { opengallery } from './command.ts'
import { openServer } from './http-tools.ts'
import { type Benchmark, type Measure, sideBySide, type Tools } from './measure.ts'
import { realImage } from './publish.ts'

const trace = path.join(import.meta.dirname, 'traces/debian-12-boot.txt')
/** The disk whose boot was recorded, where the images of the store's benchmark were made. */
const debian = path.join(import.meta.dirname, '../.cache/bench/debian/v1.raw')
const launcher = path.join(import.meta.dirname, '../bin/opengallery.mjs')
const warmMiB = 32

interface Served {
  readonly uri: string
  end(): Promise<void>
}

/** A program that serves something until it is ended. */
const serve = (command: string, args: readonly string[]) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const end = async () => {
    child.kill('SIGINT')
    await ended
  }
  return { child, end }
}

const serveSocket = async (tools: Tools, command: string, args: (file: string) => string[]): Promise<Served> => {
  const file = path.join(tools.folder, 'served.sock')
  fs.rmSync(file, { force: true })
  const { end } = serve(command, args(file))
  while (!fs.existsSync(file)) await new Promise(resolve => setTimeout(resolve, 20))
  return { uri: `nbd+unix:///?socket=${file}`, end }
}

/** Milliseconds that QEMU's own client needs for the reads of a boot, one after the other; its start is part of it for all alike. */
const bootOf = async ({ uri, end }: Served): Promise<number> => {
  const reads = fs.readFileSync(trace, 'latin1').trimEnd().split('\n')
  const commands = reads.map(line => {
    const [sector = 0, sectors = 0] = line.split(',').map(Number)
    return `read -q ${sector * 512} ${sectors * 512}`
  })
  const started = performance.now()
  const client = spawn('qemu-io', ['-r', '-f', 'raw', uri], { stdio: ['pipe', 'ignore', 'inherit'] })
  const exited = once(client, 'exit')
  client.stdin.end(`${commands.join('\n')}\nquit\n`)
  const [code] = await exited
  const milliseconds = performance.now() - started
  await end()
  if (code !== 0) throw new Error(`qemu-io ended with ${code}.`)
  return milliseconds
}

/** Microseconds per read, as fio sees them, one read at a time for two seconds. */
const latencyOf = async (uri: string, pattern: readonly string[]): Promise<number> => {
  const { stdout } = await promisify(execFile)('fio', [
    '--name=read',
    '--ioengine=nbd',
    `--uri=${uri}`,
    '--iodepth=1',
    '--time_based',
    '--runtime=2',
    '--randrepeat=0',
    '--output-format=json',
    ...pattern,
  ])
  return JSON.parse(stdout.slice(stdout.indexOf('{'))).jobs[0].read.clat_ns.mean / 1000
}

const patterns: Readonly<Record<string, readonly string[]>> = {
  '4k-cold': ['--rw=randread', '--bs=4k'],
  '4k-warm': ['--rw=randread', '--bs=4k', `--size=${warmMiB}m`],
  '128k-cold': ['--rw=randread', '--bs=128k'],
  '128k-warm': ['--rw=randread', '--bs=128k', `--size=${warmMiB}m`],
  sequential: ['--rw=read', '--bs=128k'],
}

/** The raw file is always warm, and nothing of it is to be decoded or verified; the other server decodes too. */
const rivals = { nbdkit: 'nbdkit on the raw file', qemu: 'qemu-nbd on a zstd qcow2' } as const
type Beside = Readonly<Partial<Record<keyof typeof rivals, Pick<Measure, 'must'>>>>
const besides: Readonly<Record<string, Beside>> = {
  '4k-cold': { nbdkit: { must: 2 }, qemu: {} },
  '4k-warm': { nbdkit: { must: 2 } },
  '128k-cold': { nbdkit: { must: 2 }, qemu: {} },
  '128k-warm': { nbdkit: { must: 2 } },
  sequential: { qemu: { must: 1 } },
}

/** Reads of a version in place, over a unix socket: beside the raw file, and beside the image compressed as QEMU does. */
export const nbd: Benchmark = async tools => {
  const { server } = await openServer(tools)
  const isDebian = fs.existsSync(debian)
  tools.say(isDebian ? 'the image is the Debian disk whose boot was recorded' : 'making the image')
  const image = isDebian ? debian : realImage(tools)
  const qcow2 = path.join(tools.folder, 'image.qcow2')
  const format = ['-f', 'raw', '-O', 'qcow2', '-c', '-o', 'compression_type=zstd']
  execFileSync('qemu-img', ['convert', ...format, image, qcow2])
  await opengallery(server, ['publish', image, '--definition', 'disk', '--regions', 'eastus'])
  const ours = async (): Promise<Served> => {
    const args = [launcher, 'serve-nbd', 'images/gallery/disk', '--data', server.dataFolder]
    const { child, end } = serve(process.execPath, args)
    const [uri] = await once(createInterface({ input: child.stdout }), 'line')
    return { uri, end }
  }
  const restarted = async (): Promise<Served> => {
    await server.stop()
    await server.restart()
    return await ours()
  }
  const others = {
    nbdkit: () => serveSocket(tools, 'nbdkit', at => ['-f', '-r', '-U', at, 'file', image]),
    qemu: () => serveSocket(tools, 'qemu-nbd', at => ['-r', '-t', '-k', at, qcow2]),
  }
  const measures: Measure[] = []
  for (const [rival, goal] of [
    ['qemu', { must: 1 }],
    ['nbdkit', { aim: 1 / 0.6 }],
  ] as const) {
    const cost = await sideBySide(
      5,
      async () => bootOf(await restarted()),
      async () => bootOf(await others[rival]()),
    )
    measures.push({ metric: `nbd-boot-${rival}`, unit: 'ms', ...cost, name: rivals[rival], ...goal })
  }
  for (const [event, beside] of Object.entries(besides)) {
    const pattern = patterns[event] ?? []
    for (const [rival, goal] of Object.entries(beside) as [keyof typeof rivals, Pick<Measure, 'must'>][]) {
      const [mine, theirs] = [await ours(), await others[rival]()]
      const cost = await sideBySide(
        3,
        () => latencyOf(mine.uri, pattern),
        () => latencyOf(theirs.uri, pattern),
      )
      await mine.end()
      await theirs.end()
      const metric = goal.must === undefined ? `nbd-${event}-beside-${rival}` : `nbd-${event}`
      measures.push({ metric, unit: 'µs', ...cost, name: rivals[rival], ...goal })
    }
  }
  return measures
}
