import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as tls from 'node:tls'

export interface Admin {
  readonly tenantId: string
  readonly subscriptionId: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface RunningServer {
  readonly url: string
  pid(): number
  readonly admin: Admin
  readonly dataFolder: string
  readonly caFile: string
  /** A scratch folder beside the data folder that goes away with it. */
  readonly folder: string
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL: no goodbye. */
  kill(): Promise<void>
  /** The same data folder and the same port again. */
  restart(): Promise<void>
}

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')

/** The product as a user starts it, in a folder of its own, on a free port; gone with the test. */
export const startServer = async (
  test: Pick<TestContext, 'after'>,
  options: { args?: readonly string[]; prepare?: (dataFolder: string) => Promise<void> } = {},
): Promise<RunningServer> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-scenario-'))
  const dataFolder = path.join(folder, 'data')
  let child: Started | undefined
  test.after(async () => {
    await child?.end('SIGKILL')
    await fs.rm(folder, { recursive: true, force: true })
  })
  const startAgain = (before: Started) =>
    start(dataFolder, portOf(before.url), portOf(before.blobUrl), options.args ?? [])
  child = await start(dataFolder, '0', '0', options.args ?? [])
  if (options.prepare) {
    // What only the owner of the folder may do: the server stands still meanwhile.
    await child.end('SIGTERM')
    await options.prepare(dataFolder)
    child = await startAgain(child)
  }
  const { url } = child
  const caFile = path.join(dataFolder, 'ca.pem')
  const trusted = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...trusted, await fs.readFile(caFile, 'utf8')])
  return {
    url,
    pid: () => child?.pid ?? 0,
    admin: JSON.parse(await fs.readFile(path.join(dataFolder, 'admin.json'), 'utf8')) as Admin,
    dataFolder,
    caFile,
    folder,
    stop: async () => (await child?.end('SIGTERM')) ?? null,
    kill: async () => void (await child?.end('SIGKILL')),
    restart: async () => {
      if (child) child = await startAgain(child)
    },
  }
}

const portOf = (url: string) => new URL(url).port

interface Started {
  readonly url: string
  readonly blobUrl: string
  readonly pid: number
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

const start = async (dataFolder: string, port: string, blobPort: string, args: readonly string[]): Promise<Started> => {
  const given = ['--data', dataFolder, '--port', port, '--blob-port', blobPort, ...args]
  const child = spawn(process.execPath, [launcher, 'start', ...given], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined },
  })
  const said: string[] = []
  child.stdout.on('data', data => said.push(String(data)))
  child.stderr.on('data', data => said.push(String(data)))
  const ended = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
  const server = await announced(child, path.join(dataFolder, 'server.json'), said)
  return {
    ...server,
    end: signal => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

type Announced = Pick<Started, 'url' | 'blobUrl' | 'pid'>

/** server.json of this process, not of one that was killed before it. */
const announced = async (child: ChildProcess, file: string, said: readonly string[]): Promise<Announced> => {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) break
    const server = await fs.readFile(file, 'utf8').then(
      text => JSON.parse(text) as Announced,
      () => undefined,
    )
    if (server && server.pid === child.pid) return server
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`The server did not come up:\n${said.join('')}`)
}
