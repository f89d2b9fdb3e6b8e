import assert from 'node:assert/strict'
import * as https from 'node:https'
import * as path from 'node:path'
import { sql } from 'kysely'
import { type Database, openSqlite } from '#foundation/database.ts'
import type { FuzzRequest } from '../conformance/fuzz-client.ts'
import { type FuzzWorld, startFuzzWorld } from '../conformance/fuzz-world.ts'
import type { HttpAnswer } from '../support/test-server.ts'

/** Stands in every resource and in a blob, in no request: who is shown it is shown what is not theirs. */
export const MARKER = 'marker-7b1e6f30c94d'

/** A server in which everything is marked, and a look at what lies behind it. */
export interface MarkedWorld {
  readonly fuzz: FuzzWorld
  readonly database: Database
  /** Of the marked blob's account, as a name and a signature that is good for nothing any more. */
  readonly account: string
  oldSignatures(): readonly string[]
  /** Makes again what is missing, marked. */
  prepare(): Promise<void>
  /** What may only change when somebody who may has asked for it, in a form that is quick to compare. */
  state(): Promise<string>
  /** Lets a principal read everything in the group. */
  makeReader(objectId: string): Promise<void>
  /** A request as it is, to one of the two endpoints. */
  send(endpoint: 'arm' | 'blob', request: FuzzRequest, authorization: string | undefined): Promise<HttpAnswer>
  close(): Promise<void>
}

const API = 'api-version=2025-03-03'
const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
const MAX_WAIT_MS = 30_000

export const startMarkedWorld = async (): Promise<MarkedWorld> => {
  const fuzz = await startFuzzWorld()
  const { server, group, samples } = fuzz
  const agent = new https.Agent({
    ca: server.ca,
    keepAlive: true,
    maxSockets: 4,
    checkServerIdentity: () => undefined, // made-up Host headers would be compared with the certificate
  })
  const database = openSqlite(path.join(server.dataFolder, 'metadata.sqlite'))
  const send: MarkedWorld['send'] = (endpoint, request, authorization) =>
    roundTrip(agent, endpoint === 'arm' ? server.url : server.blobUrl, request, authorization)
  const admin = `Bearer ${server.token}`
  const ask = async (method: string, path: string, body?: object) => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await send('arm', { method, path, ...text }, admin)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
    return answer
  }
  const account = 'fuzzaccount'
  const mark = async (): Promise<string[]> => {
    for (const { path: resource } of samples)
      await send(
        'arm',
        {
          method: 'PATCH',
          path: `${resource}/providers/Microsoft.Resources/tags/default?${API}`,
          body: JSON.stringify({ operation: 'Merge', properties: { tags: { marker: MARKER } } }),
        },
        admin,
      )
    const accountPath = `${group}/providers/Microsoft.Storage/storageAccounts/${account}`
    const signed = await ask('POST', `${accountPath}/ListAccountSas?${API}`, {
      signedServices: 'b',
      signedResourceTypes: 'sco',
      signedPermission: 'rwdlac',
      signedExpiry: new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z$/, 'Z'),
      keyToSign: 'key1',
    })
    const sas = String(signed.json.accountSasToken).replace(/^\?/, '')
    const versioned = { 'x-ms-version': '2021-12-02' }
    const container = { method: 'PUT', path: `/${account}/vhds?restype=container&${sas}`, headers: versioned }
    assert.ok([201, 409].includes((await send('blob', container, undefined)).status))
    const headers = { ...versioned, 'x-ms-blob-type': 'BlockBlob' }
    const blob = { method: 'PUT', path: `/${account}/vhds/disk.vhd?${sas}`, headers, body: MARKER }
    assert.equal((await send('blob', blob, undefined)).status, 201)
    await ask('POST', `${accountPath}/regenerateKey?${API}`, { keyName: 'key1' })
    return [sas, sas.replace('sp=rwdlac', 'sp=rl'), sas.replace(/sig=./, 'sig=x')]
  }
  let oldSignatures = await mark()
  return {
    fuzz,
    database,
    account,
    oldSignatures: () => oldSignatures,
    async prepare() {
      await fuzz.prepare()
      oldSignatures = await mark()
    },
    send,
    async makeReader(principalId) {
      const role = `/subscriptions/${server.admin.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${READER}`
      const properties = { roleDefinitionId: role, principalId, principalType: 'ServicePrincipal' }
      await ask(
        'PUT',
        `${group}/providers/Microsoft.Authorization/roleAssignments/${principalId}?api-version=2022-04-01`,
        {
          properties,
        },
      )
    },
    state: () => stateOf(database),
    async close() {
      agent.destroy()
      await database.close()
      await fuzz.close()
    },
  }
}

/** Every table but those that tell of requests themselves: the activity log and wrong guesses. */
const stateOf = async (database: Database): Promise<string> => {
  const tables = await sql<{ name: string }>`select name from sqlite_master where type = 'table' order by name`.execute(
    database.as(),
  )
  const told = /^(activity_|identity_lockout|sqlite_)/
  const parts: string[] = []
  for (const { name } of tables.rows.filter(({ name }) => !told.test(name))) {
    const { rows } = await sql.raw(`select * from ${name}`).execute(database.as())
    parts.push(`${name} ${JSON.stringify(rows)}`)
  }
  return parts.join('\n')
}

const roundTrip = (
  agent: https.Agent,
  url: string,
  { method, path: target, headers, body }: FuzzRequest,
  authorization: string | undefined,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const outgoing = https.request(
      {
        agent,
        hostname,
        port,
        method,
        path: target,
        headers: {
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
      },
      incoming => {
        const parts: Buffer[] = []
        incoming.on('data', part => parts.push(part as Buffer))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const status = incoming.statusCode ?? 0
          resolve({ status, headers: incoming.headers as Record<string, string>, text, json: jsonOf(text) })
        })
      },
    )
    outgoing.setTimeout(MAX_WAIT_MS, () => outgoing.destroy(new Error('No answer came.')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })

const jsonOf = (text: string): HttpAnswer['json'] => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
