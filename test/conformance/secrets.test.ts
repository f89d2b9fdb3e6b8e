import assert from 'node:assert/strict'
import * as https from 'node:https'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { openSqlite } from '#foundation/database.ts'
import { lineLog } from '#foundation/log.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

/** In every secret that is planted, and nowhere else. A password may need all of its kinds of characters. */
const PLANTED = 'Pl4nted!9f27c1'
const planted = (name: string) => `${PLANTED}-${name}`
const inBase64 = Buffer.from(planted('data')).toString('base64')

let server: TestServer
let logged = ''
before(async () => {
  const write = (line: string) => {
    logged += line
  }
  server = await startTestServer({ log: lineLog(write, () => new Date()) })
  await plant()
})
after(() => server?.stop())

const form = (fields: Record<string, string>, headers: Record<string, string> = {}, query = '') =>
  server.fetch('POST', `/adfs/oauth2/token${query}`, {
    headers: { authorization: '', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: `${new URLSearchParams(fields)}`,
  })

const API = '?api-version=2025-04-01'
const put = (url: string, body: object) => server.fetch('PUT', `${url}${API}`, { body: JSON.stringify(body) })

/** Through every door that takes one: good ones, wrong ones, and where no secret belongs. */
const plant = async () => {
  const { clientId, subscriptionId } = server.admin
  const group = `/subscriptions/${subscriptionId}/resourceGroups/secrets`
  const compute = `${group}/providers/Microsoft.Compute`
  const scope = `${server.url}/.default`
  const jwt = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from(planted('jwt')).toString('base64url')}.x`

  await form({ grant_type: 'client_credentials', client_id: clientId, client_secret: planted('client'), scope })
  await form(
    { grant_type: 'client_credentials', scope },
    { authorization: `Basic ${Buffer.from(`${clientId}:${planted('basic')}`).toString('base64')}` },
  )
  await form({ grant_type: 'password', client_id: clientId, username: 'ann@x', password: planted('password'), scope })
  await form({ grant_type: 'refresh_token', client_id: clientId, refresh_token: planted('refresh'), scope })
  await form({ grant_type: 'device_code', client_id: clientId, device_code: planted('device'), scope })
  const bearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const assertion = { client_assertion_type: bearer, client_assertion: planted('assertion') }
  await form({ grant_type: 'client_credentials', client_id: clientId, scope, ...assertion })
  await form({ grant_type: planted('grant'), client_secret: planted('x') }, {}, `?client_secret=${planted('query')}`)
  for (const authorization of [`Bearer ${planted('token')}`, `Bearer ${jwt}`, planted('scheme'), `Basic ${inBase64}`])
    await server.fetch('GET', `/subscriptions${API}`, { headers: { authorization } })
  await server.fetch('GET', `/subscriptions${API}&sig=${planted('query')}&code=${planted('code')}`)
  await server.fetch('GET', `/opengallery/boot-diagnostics/x/serialconsole.log?se=9999999999&sig=${planted('sig')}`)

  await put(group, { location: 'eastus' })
  await put(`${compute}/disks/imported`, {
    location: 'eastus',
    properties: {
      creationData: { createOption: 'Import', sourceUri: `https://x.example/a.vhd?sig=${planted('source')}` },
      adminPassword: planted('unknown'),
    },
  })
  await put(`${compute}/virtualMachines/machine`, machine(planted('admin'), inBase64))
  await put(`${compute}/virtualMachines/wrong`, machine({ secret: planted('wrong type') }, planted('no base64')))
  for (const [name, value] of [
    ['good', planted('parameter')],
    ['wrong', { secret: planted('parameter') }],
  ])
    await put(`${group}/providers/Microsoft.Resources/deployments/${name}`, deployment(value))
  await server.fetch('POST', `${compute}/virtualMachines/machine/runCommand${API}`, {
    body: JSON.stringify({ commandId: 'RunShellScript', script: [`echo ${planted('script')}`] }),
  })
  await server.fetch('PUT', `${compute}/disks/notjson${API}`, { body: `{"password": ${planted('broken json')}` })
  await server.fetch('POST', `/opengallery/bundle/trust`, { body: JSON.stringify({ publicKey: planted('key') }) })
  await plantInDirectory()
  await blob('GET', `/account/vhds/a?sv=2022-11-02&sr=b&sp=r&se=2099-01-01&sig=${planted('sas')}`, {})
  await blob('PUT', '/account/vhds/a', { authorization: `SharedKey account:${planted('shared key')}` })
  await blob('PUT', '/account/vhds/a', { 'x-ms-copy-source': `https://x.example/?sig=${planted('copy')}` })
}

/** A user with a password, an application with a secret of its own and one that is made for it. */
const plantInDirectory = async () => {
  const { clientId, clientSecret = '' } = server.admin
  const scope = `${server.url}/msgraph/.default`
  const { json } = await form({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope,
  })
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${json.access_token}` }
    return server.fetch('POST', `/msgraph/v1.0${path}`, { headers, body: JSON.stringify(body) })
  }
  const user = {
    accountEnabled: true,
    displayName: 'Ann',
    mailNickname: 'ann',
    userPrincipalName: 'ann@opengallery.local',
    passwordProfile: { password: planted('of a user'), forceChangePasswordNextSignIn: false },
  }
  assert.equal((await post('/users', user)).status, 201)
  const { json: application } = await post('/applications', { displayName: 'app' })
  const made = await post(`/applications/${application.id}/addPassword`, { passwordCredential: {} })
  ownSecrets.push(String(made.json.secretText))
  await form({
    grant_type: 'password',
    client_id: clientId,
    username: 'ann@opengallery.local',
    password: planted('x'),
    scope,
  })
}
/** Secrets that the server made up itself. */
const ownSecrets: string[] = []

const machine = (adminPassword: unknown, customData: string) => ({
  location: 'eastus',
  properties: {
    hardwareProfile: { vmSize: 'Standard_B1s' },
    storageProfile: { imageReference: { id: '/subscriptions/x' } },
    osProfile: {
      computerName: 'machine',
      adminUsername: 'azureuser',
      adminPassword,
      customData,
      linuxConfiguration: { ssh: { publicKeys: [{ path: '/x', keyData: `ssh-rsa ${planted('ssh')}` }] } },
    },
    userData: inBase64,
    networkProfile: { networkInterfaces: [] },
  },
})

const deployment = (value: unknown) => ({
  properties: {
    mode: 'Incremental',
    template: {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      parameters: { password: { type: 'securestring' } },
      resources: [
        {
          type: 'Microsoft.Compute/disks',
          apiVersion: '2024-03-02',
          name: 'deployed',
          location: 'eastus',
          properties: { creationData: { createOption: 'Empty' }, diskSizeGB: "[parameters('password')]" },
        },
      ],
    },
    parameters: { password: { value } },
  },
})

const blob = (method: string, path: string, headers: Record<string, string>): Promise<void> =>
  new Promise((resolve, reject) => {
    const outgoing = https.request(`${server.blobUrl}${path}`, { method, headers, ca: server.ca }, incoming => {
      incoming.resume().on('end', resolve)
    })
    outgoing.on('error', reject).end()
  })

/** Also as it is written in base64 and hexadecimal, at every place that it can begin at. */
const forms = (): string[] => {
  const bytes = Buffer.from(PLANTED)
  const shifted = [0, 1, 2].map(by =>
    Buffer.concat([Buffer.alloc(by), bytes])
      .toString('base64')
      .slice(by === 0 ? 0 : 4, 16),
  )
  return [PLANTED, bytes.toString('hex'), ...shifted]
}

const found = (text: string): string[] =>
  [...forms(), ...ownSecrets].flatMap(form => {
    const at = text.indexOf(form)
    return at < 0 ? [] : [text.slice(Math.max(0, at - 150), at + 100)]
  })

test('a planted secret would be found', () => {
  assert.equal(found(`x ${planted('y')}`).length, 1)
  for (const before of ['', 'a', 'ab', 'abc', 'a longer text '])
    assert.ok(found(Buffer.from(`${before}${PLANTED} and so on`).toString('base64')).length > 0, before)
})

test('no secret gets into the server’s log', () => {
  assert.match(logged, /sign-in refused/)
  assert.deepEqual(found(logged), [])
})

test('no secret gets into the activity log', async () => {
  const text = await exported()
  assert.match(text, /Microsoft\.Compute\/virtualMachines\/write/)
  assert.match(text, /OpenGallery\/signIns\/action/)
  for (const kind of ['users', 'applications', 'applications/addPassword'])
    assert.match(
      text,
      new RegExp(`"Microsoft.Graph/${kind}/write","resourceId":"/providers/Microsoft.Graph/[^"]*[0-9a-f]{12}`),
    )
  assert.deepEqual(found(text), [])
})

const exported = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.token}` }
    https
      .get(`${server.url}/opengallery/activity-log`, { headers, ca: server.ca }, async incoming => {
        const parts: Buffer[] = []
        for await (const part of incoming) parts.push(part as Buffer)
        resolve(Buffer.concat(parts).toString())
      })
      .on('error', reject)
  })

test('no secret stands in a table, but what a machine begins with, until it is gone', async () => {
  const database = openSqlite(path.join(server.dataFolder, 'metadata.sqlite'))
  try {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(
      database.as(),
    )
    assert.ok(rows.length > 10)
    for (const { name } of rows) {
      const content = await sql.raw<object>(`select * from ${name}`).execute(database.as())
      for (const row of content.rows) assert.deepEqual(found(JSON.stringify(row)), [], name)
    }
  } finally {
    await database.close()
  }
})

test('no answer gives back what was given in secret', async () => {
  const { subscriptionId } = server.admin
  const group = `/subscriptions/${subscriptionId}/resourceGroups/secrets/providers`
  for (const url of [
    `${group}/Microsoft.Compute/virtualMachines`,
    `${group}/Microsoft.Compute/disks`,
    `${group}/Microsoft.Resources/deployments`,
    `${group}/Microsoft.Resources/deployments/good`,
    `${group}/Microsoft.Resources/deployments/good/operations`,
  ])
    assert.deepEqual(found((await server.fetch('GET', `${url}${API}`)).text), [], url)
})
