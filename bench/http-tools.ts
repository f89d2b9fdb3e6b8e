import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import * as tls from 'node:tls'
import autocannon from 'autocannon'
import { type RunningServer, startServer } from '../test/scenarios/running-server.ts'
import type { Tools } from './measure.ts'

/** Answers of the server, with the administrator's token. */
export type Send = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: Json }>
// biome-ignore lint/suspicious/noExplicitAny: whatever the answer holds.
export type Json = any

export interface Opened {
  readonly server: RunningServer
  readonly token: string
  readonly send: Send
  /** Below the group that was made. */
  readonly scope: string
}

const apiVersion = 'api-version=2023-07-03'

/** A server with a group, a gallery and a definition. */
export const openServer = async (tools: Tools, args: readonly string[] = []): Promise<Opened> => {
  const server = await startServer({ after: work => tools.after(work as () => unknown) }, { args })
  const { clientId, clientSecret, tenantId, subscriptionId } = server.admin
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const answer = await fetch(`${server.url}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, scope: `${server.url}/.default` }),
  })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const scope = `/subscriptions/${subscriptionId}/resourceGroups/bench`
  const send: Send = async (method, path, body) => {
    const response = await fetch(urlOf(server, path), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return { status: response.status, body: text ? JSON.parse(text) : undefined }
  }
  await send('PUT', scope, { location: 'eastus' })
  await send('PUT', `${scope}/providers/Microsoft.Compute/galleries/bench`, { location: 'eastus' })
  await settled(send, `${scope}/providers/Microsoft.Compute/galleries/bench`)
  await send('PUT', definitionOf(scope), definitionBody)
  await settled(send, definitionOf(scope))
  return { server, token, send, scope }
}

export const urlOf = (server: RunningServer, path: string) =>
  `${server.url}${path}${/[?&]api-version=/.test(path) ? '' : `${path.includes('?') ? '&' : '?'}${apiVersion}`}`

export const definitionOf = (scope: string, name = 'ubuntu') =>
  `${scope}/providers/Microsoft.Compute/galleries/bench/images/${name}`

export const definitionBody = {
  location: 'eastus',
  properties: {
    osType: 'Linux',
    osState: 'Generalized',
    hyperVGeneration: 'V2',
    identifier: { publisher: 'Contoso', offer: 'Linux', sku: 'Base' },
  },
}

/** Waits until the resource's work is done. */
export const settled = async (send: Send, path: string): Promise<Json> => {
  for (let tries = 0; tries < 3000; tries++) {
    const { body } = await send('GET', path)
    const state = body.properties.provisioningState
    if (state === 'Succeeded') return body
    if (state === 'Failed') throw new Error(JSON.stringify(body))
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`${path} did not settle.`)
}

/** A version of an empty disk of 1 GiB: its document is like any other's. */
export const publishOne = async ({ send, scope }: Opened): Promise<string> => {
  const disk = `${scope}/providers/Microsoft.Compute/disks/empty`
  const properties = { creationData: { createOption: 'Empty' }, diskSizeGB: 1, osType: 'Linux', hyperVGeneration: 'V2' }
  await send('PUT', disk, { location: 'eastus', properties })
  await settled(send, disk)
  const version = `${definitionOf(scope)}/versions/1.0.0`
  await send('PUT', version, {
    location: 'eastus',
    properties: {
      storageProfile: { osDiskImage: { source: { id: disk } } },
      publishingProfile: { targetRegions: [{ name: 'eastus' }, { name: 'westus2' }, { name: 'westeurope' }] },
    },
  })
  await settled(send, version)
  return version
}

/** Bare Fastify that answers with `body`, as a process of its own. */
export const bareFastify = async (tools: Tools, body: string): Promise<string> => {
  const [key, cert, file] = ['bare.key', 'bare.pem', 'bare.json'].map(name => path.join(tools.folder, name))
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const made = [
    'req',
    '-x509',
    ...curve,
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=bare',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    key,
    '-out',
    cert,
  ]
  execFileSync('openssl', made as string[], { stdio: 'ignore' })
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), await fs.readFile(cert ?? '', 'utf8')])
  await fs.writeFile(file ?? '', body)
  const script = path.join(import.meta.dirname, 'bare-fastify.ts')
  const child = spawn(process.execPath, [script, key ?? '', cert ?? '', file ?? ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  tools.after(() => child.kill())
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', data => resolve(String(data).trim()))
    child.once('exit', code => reject(new Error(`bare Fastify ended with ${code}`)))
  })
  return `https://127.0.0.1:${port}`
}

/** Milliseconds of one request at full load: the inverse of the rate that 32 connections reach. */
export const costOf = async (
  url: string,
  options: {
    seconds: number
    method?: 'GET' | 'PUT'
    headers?: Record<string, string>
    next?: () => { path: string; body: string }
  },
): Promise<number> => {
  const { seconds, method = 'GET', headers = {}, next } = options
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    method,
    headers,
    ...(next === undefined ? {} : { requests: [{ setupRequest: request => ({ ...request, ...next() }) }] }),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} refusals and ${result.errors} errors from ${url}`)
  return 1000 / result.requests.average
}
