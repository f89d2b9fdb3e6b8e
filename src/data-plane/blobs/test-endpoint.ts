import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { JumpableClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { lineLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openBlobs } from './open-blobs.ts'
import { trustedTestCertificate } from './test-certificate.ts'

const signingKey = randomBytes(32)
export const accountName = 'testaccount'
/** A process that a test starts is given the test's own key and certificate. */
const given = process.env.TEST_ENDPOINT_SECRETS
export const secrets: { accountKey: string; tls: { key: string; cert: string } } = given
  ? JSON.parse(given)
  : { accountKey: randomBytes(64).toString('base64'), tls: trustedTestCertificate() }
const { accountKey, tls } = secrets

const reserveBytes = 2 ** 20

const start = async (folder: string, aheadMs = 0) => {
  let isFull = false
  const files: Files = {
    ...nodeFiles,
    space: async place => (isFull ? { freeBytes: 0, totalBytes: 2 ** 40 } : nodeFiles.space(place)),
  }
  const clock = new JumpableClock()
  clock.jump(aheadMs)
  const lines: string[] = []
  const log = lineLog(
    line => lines.push(line),
    () => clock.now(),
  )
  const parts = { files, random: systemRandom, clock, log, workers: hashInThread() }
  const regions = await openRegions([{ name: 'eastus', stores: [pathToFileURL(path.join(folder, 'eastus')).href] }], {
    ...parts,
    reserveBytes,
  })
  const database = openSqlite(path.join(folder, 'metadata.sqlite'))
  const blobs = await openBlobs({ ...parts, regions, database, host: '127.0.0.1', port: 0, tls, signingKey })
  await blobs.keepAccount({ name: accountName, region: 'eastus', keys: [accountKey, accountKey] })
  const close = async () => {
    await blobs.close()
    await regions.close()
    await database.close()
  }
  /** Lets the disk look full, and then not. */
  const fillDisk = (full: boolean) => {
    isFull = full
  }
  return { blobs, regions, clock, lines, fillDisk, close }
}

/** A running endpoint with one account in a folder of its own, and how to restart and remove it. */
export const startTestEndpoint = async (given?: string) => {
  const folder = given ?? (await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-blobs-')))
  const endpoint = {
    ...(await start(folder)),
    folder,
    url: (): string => endpoint.blobs.endpoint(accountName).replace(/\/$/, ''),
    async restart(aheadMs = 0): Promise<void> {
      await endpoint.close()
      Object.assign(endpoint, await start(folder, aheadMs))
    },
    async remove(): Promise<void> {
      await endpoint.close()
      await fs.rm(folder, { recursive: true, force: true })
    },
  }
  return endpoint
}
export type TestEndpoint = Awaited<ReturnType<typeof startTestEndpoint>>

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** A request as written, without an SDK that would mend or refuse it. */
export const rawRequest = (
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers, ca: tls.cert }, response => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
