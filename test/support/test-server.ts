import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import * as os from 'node:os'
import * as path from 'node:path'
import { type Config, configOf } from '../../src/config.ts'
import { type RunningServer, startServer } from '../../src/main.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads answers as a client without types does
  readonly json: any
}

/** The whole server on free ports and a temporary folder, and a client that trusts it. */
export interface TestServer extends RunningServer {
  readonly ca: string
  /** A token of the administrator. */
  readonly token: string
  fetch(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string },
  ): Promise<HttpAnswer>
}

export const startTestServer = async (given: Partial<Config> = {}): Promise<TestServer> => {
  const dataFolder = given.dataFolder ?? (await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-server-')))
  const server = await startServer(configOf({ port: 0, ...given, dataFolder }))
  const ca = await fs.readFile(path.join(dataFolder, 'ca.pem'), 'utf8')
  const agent = new https.Agent({ ca, keepAlive: false })
  const call = (method: string, url: string, headers: Record<string, string> = {}, body?: string) =>
    request(agent, `${server.url}${url}`, method, headers, body)
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: server.admin.clientId,
    client_secret: server.admin.clientSecret ?? '',
    scope: `${server.url}/.default`,
  })
  const signedIn = await call(
    'POST',
    '/adfs/oauth2/token',
    { 'content-type': 'application/x-www-form-urlencoded' },
    `${form}`,
  )
  const token = signedIn.json.access_token as string
  return {
    ...server,
    ca,
    token,
    fetch: (method, url, { headers, body } = {}) =>
      call(method, url, { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers }, body),
    async stop() {
      agent.destroy()
      await server.stop()
      if (!given.dataFolder) await fs.rm(dataFolder, { recursive: true, force: true })
    },
  }
}

const request = (
  agent: https.Agent,
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = https.request(url, { agent, method, headers }, async incoming => {
      const parts: Buffer[] = []
      for await (const part of incoming) parts.push(part as Buffer)
      const text = Buffer.concat(parts).toString()
      const isJson = text.startsWith('{') || text.startsWith('[')
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers as Record<string, string>,
        text,
        json: isJson ? JSON.parse(text) : undefined,
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
