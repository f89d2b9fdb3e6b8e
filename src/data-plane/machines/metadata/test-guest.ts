import * as fs from 'node:fs/promises'
import * as http from 'node:http'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { silentLog } from '#foundation/log.ts'
import type { AnswerMetadata, MachineSpec } from '../machines.ts'
import type { HealthReport } from './fabric.ts'
import { type Metadata, openMetadata } from './open-metadata.ts'

export const seedSecret = Buffer.alloc(32, 3)

export const testSpec: MachineSpec = {
  id: '9d3b9a52-6f4b-4a36-9a2e-2f3d3b0f0a11',
  label: 'web',
  cores: 1,
  memoryMiB: 128,
  generation: 'V1',
  disks: [],
  nics: [{ mac: '00:0d:3a:12:34:56', network: 'a', privateAddress: '10.0.0.4', prefixLength: 24, forwards: [] }],
  identity: {
    instanceId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    hostname: 'web-1',
    login: { adminUsername: 'ann', adminPassword: 'Secret 1', disablePasswordAuthentication: false, publicKeys: [] },
    customData: Buffer.from('custom'),
  },
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A guest: its requests go where QEMU would take them. For tests. */
export interface TestGuest {
  readonly metadata: Metadata
  readonly socketFile: string
  readonly reports: { machineId: string; health: HealthReport }[]
  readonly asked: string[]
  ask(target: string, options?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Answer>
  /** Sends bytes as they are and gives the beginning of what comes back, empty if the other side just closes. */
  raw(bytes: string | Uint8Array): Promise<string>
}

export const testGuest = async (t: TestContext, answer: AnswerMetadata, spec = testSpec): Promise<TestGuest> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'guest-'))
  const socketFile = path.join(folder, 'metadata')
  const reports: TestGuest['reports'] = []
  const asked: string[] = []
  const metadata = openMetadata({
    answer: async (machineId, request) => {
      asked.push(`${machineId} ${request.path}?${request.query}`)
      return answer(machineId, request)
    },
    onHealth: async (machineId, health) => {
      reports.push({ machineId, health })
    },
    seedSecret,
    log: silentLog,
  })
  t.after(async () => {
    await metadata.close()
    await fs.rm(folder, { recursive: true })
  })
  await metadata.serve({ spec, isReady: false, socketFile })

  const ask: TestGuest['ask'] = (target, { method = 'GET', headers = { Metadata: 'true' }, body } = {}) =>
    new Promise((resolve, reject) => {
      const request = http.request(
        { socketPath: socketFile, path: target, method, headers, agent: false },
        response => {
          const parts: Buffer[] = []
          response.on('data', part => parts.push(part))
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              type: response.headers['content-type'] ?? '',
              body: Buffer.concat(parts).toString(),
            }),
          )
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  const raw: TestGuest['raw'] = bytes =>
    new Promise(resolve => {
      const line = net.connect(socketFile)
      line.once('data', part => {
        resolve(part.toString())
        line.destroy()
      })
      line.on('error', () => {})
      line.on('close', () => resolve(''))
      line.end(bytes)
    })
  return { metadata, socketFile, reports, asked, ask, raw }
}
