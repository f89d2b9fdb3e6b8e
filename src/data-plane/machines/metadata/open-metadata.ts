import * as fs from 'node:fs/promises'
import * as http from 'node:http'
import type { Log } from '#foundation/log.ts'
import type { AnswerMetadata, MachineSpec } from '../machines.ts'
import { seedFiles, seedPath } from '../provisioning/seed.ts'
import { answerFabric, type HealthReport } from './fabric.ts'
import { answerMetadata } from './instance-metadata.ts'
import { type GuestRequest, jsonReply, notFound, type Reply } from './reply.ts'

export interface MetadataParts {
  readonly answer: AnswerMetadata
  /** Keeps what a guest reports. A guest that has reported that it is ready finds its password no more. */
  readonly onHealth: (machineId: string, health: HealthReport) => Promise<void>
  /** 32 bytes that stay with this host: nobody can know without them where a machine's seed lies. */
  readonly seedSecret: Uint8Array
  readonly log: Log
}

export interface ServedMachine {
  readonly spec: MachineSpec
  readonly isReady: boolean
  /** Where it listens, in a folder that nobody else may enter; what lies there is replaced. */
  readonly socketFile: string
  /** QEMU's own user, if that is another than ours: the only one that may connect beside us. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** Answers guests about themselves, each on a unix socket of its own, which says who asks. */
export interface Metadata {
  /** Begins to answer a machine, or goes on with what has changed about it. For one that runs already when we start, too. */
  serve(machine: ServedMachine): Promise<void>
  forget(machineId: string): Promise<void>
  close(): Promise<void>
}

/** A guest is a stranger: what one can make us hold is little, and not for long. */
const limits = {
  connections: 16,
  headBytes: 8192,
  pathBytes: 2048,
  bodyBytes: 64 * 1024,
  requestMs: 20_000,
  idleMs: 5_000,
}

interface Open {
  machine: ServedMachine
  readonly server: http.Server
}

const readBody = async (request: http.IncomingMessage): Promise<string | undefined> => {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > limits.bodyBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

const parse = (request: http.IncomingMessage, body: string): GuestRequest | undefined => {
  const target = request.url ?? ''
  if (target.length > limits.pathBytes || !URL.canParse(target, 'http://guest')) return undefined
  const url = new URL(target, 'http://guest')
  // A target may name a whole address, as to a proxy. We are none.
  if (url.host !== 'guest') return undefined
  return { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body }
}

/** A folder that was emptied for the next start took the socket with it. */
const isThere = (file: string) =>
  fs.lstat(file).then(
    () => true,
    () => false,
  )

export const openMetadata = (parts: MetadataParts): Metadata => {
  const machines = new Map<string, Open>()

  const answer = async (open: Open, request: GuestRequest): Promise<Reply> => {
    const { spec } = open.machine
    if (request.path === '/metadata' || request.path.startsWith('/metadata/'))
      return answerMetadata(spec.id, request, parts.answer)
    const seed = seedPath(parts.seedSecret, spec)
    if (request.path.startsWith(seed)) {
      const file = seedFiles(spec, !open.machine.isReady).get(request.path.slice(seed.length))
      if (!file || request.method !== 'GET') return notFound
      return { status: 200, contentType: 'application/octet-stream', body: file }
    }
    return answerFabric(spec, request, async health => {
      await parts.onHealth(spec.id, health)
      if (health.kind === 'ready') open.machine = { ...open.machine, isReady: true }
    })
  }

  const respond = async (open: Open, request: http.IncomingMessage): Promise<Reply> => {
    const body = request.method === 'POST' ? await readBody(request) : ''
    if (body === undefined) return jsonReply(413, { error: 'The body is too large' })
    const parsed = parse(request, body)
    return parsed ? answer(open, parsed) : jsonReply(400, { error: 'Bad request' })
  }

  const onRequest = (open: Open) => async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const reply = await respond(open, request).catch((error: unknown) => {
      if (!request.destroyed || request.complete)
        parts.log.error('A guest could not be answered', { machineId: open.machine.spec.id, error })
      return jsonReply(500, { error: 'Internal server error' })
    })
    const isCut = !request.complete // what was not read of it would be taken for the next request
    response.writeHead(reply.status, {
      'Content-Type': reply.contentType,
      'Content-Length': Buffer.byteLength(reply.body),
      ...(isCut ? { Connection: 'close' } : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : reply.body)
  }

  const listen = async (machine: ServedMachine): Promise<Open> => {
    const { socketFile, user } = machine
    const server = http.createServer({
      maxHeaderSize: limits.headBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.idleMs,
    })
    server.maxConnections = limits.connections
    server.maxRequestsPerSocket = 100
    const open: Open = { machine, server }
    server.on('request', onRequest(open))
    server.on('clientError', (_error, socket) => socket.destroy())
    await fs.rm(socketFile, { force: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ path: socketFile }, () => resolve())
    })
    if (user) await fs.lchown(socketFile, user.uid, user.gid)
    return open
  }

  const forget = async (machineId: string) => {
    const open = machines.get(machineId)
    machines.delete(machineId)
    if (!open) return
    const closed = new Promise(resolve => open.server.close(resolve))
    open.server.closeAllConnections()
    await closed
  }

  return {
    async serve(machine) {
      const known = machines.get(machine.spec.id)
      if (known?.machine.socketFile === machine.socketFile && (await isThere(machine.socketFile))) {
        known.machine = machine
        return
      }
      await forget(machine.spec.id)
      machines.set(machine.spec.id, await listen(machine))
    },
    forget,
    async close() {
      await Promise.all([...machines.keys()].map(forget))
    },
  }
}
