import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import * as net from 'node:net'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'

/** A region's own process, for one measurement. */
export interface RemoteRegion {
  readonly port: number
  readonly folder: string
  /** Ends it, and tells the most memory that it held. */
  stop(): Promise<{ readonly peakMiB: number }>
}

/** Starts a region with nothing in it. */
export const startRemoteRegion = async (folder: string): Promise<RemoteRegion> => {
  const program = path.join(import.meta.dirname, 'region-process.ts')
  const child = spawn(process.execPath, [program, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const say = async () => JSON.parse((await lines.next()).value ?? '{}')
  const { port } = await say()
  return {
    port,
    folder,
    async stop() {
      child.stdin.end()
      const { peakMiB } = await say()
      await ended
      return { peakMiB }
    },
  }
}

const listen = async (server: net.Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

/** A relay to a port that counts what passes in both directions, as it is on the wire. */
export const startRelay = async (to: number) => {
  const sockets = new Set<net.Socket>()
  const server = net.createServer(near => {
    const far = net.connect(to, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket)
    pipeline(near, far, near, () => {})
  })
  const port = await listen(server)
  return {
    port,
    close() {
      server.close()
      let bytes = 0
      for (const socket of sockets) bytes += socket.bytesRead
      for (const socket of sockets) socket.destroy()
      return bytes
    },
  }
}

/** Gives out one file over TLS 1.3, with the certificate that the region has. */
export const startFileServer = async (file: string, region: string) => {
  const certificate = JSON.parse(await fs.readFile(path.join(region, 'certificate.json'), 'utf8'))
  const { ca } = JSON.parse(await fs.readFile(path.join(region, 'access.json'), 'utf8'))
  const authority = path.join(region, 'authority.pem')
  await fs.writeFile(authority, ca)
  const server = https.createServer({ ...certificate, minVersion: 'TLSv1.3' }, (_request, response) => {
    pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), response, () => {})
  })
  const port = await listen(server)
  return { url: `https://127.0.0.1:${port}/`, authority, close: () => void server.close() }
}
