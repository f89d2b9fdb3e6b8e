import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openIdentity } from '#identity/identity.ts'
import { type Az, azCommand, azEnvironment, isolatedAz, needsAz, refused } from './az.ts'
import { type RunningServer, startServer } from './running-server.ts'

const user = { name: 'ann@contoso.example', password: 'correct horse battery staple' }

/** A key and a certificate in one PEM file, as `az login --certificate` takes it. */
const keyWithCertificate = async (folder: string): Promise<string> => {
  const [key, certificate, both] = ['key.pem', 'certificate.pem', 'login.pem'].map(name => path.join(folder, name))
  const made = [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=publisher'],
    ...['-keyout', key ?? '', '-out', certificate ?? ''],
  ]
  execFileSync('openssl', made, { stdio: 'ignore' })
  const pem = `${await fs.readFile(key ?? '', 'utf8')}${await fs.readFile(certificate ?? '', 'utf8')}`
  await fs.writeFile(both ?? '', pem, { mode: 0o600 })
  return both ?? ''
}

/** Adds a user, and a certificate for the administrator, as the owner of the data folder. */
const addCredentials = async (dataFolder: string): Promise<void> => {
  const database = openSqlite(path.join(dataFolder, 'metadata.sqlite'))
  const parts = { database, clock: systemClock, random: systemRandom, log: silentLog, origins: () => [] }
  const { directory } = await openIdentity(parts)
  const [tenant] = await directory.tenants()
  const [admin] = await directory.principals(tenant?.tenantId ?? '')
  assert.ok(tenant && admin)
  const pem = await fs.readFile(await keyWithCertificate(path.dirname(dataFolder)), 'utf8')
  const certificate = { pem: pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')) }
  await directory.replaceCertificates(admin.principal.objectId, [certificate])
  const { tenantId } = tenant
  await directory.addUser({ tenantId, userPrincipalName: user.name, displayName: 'Ann', password: user.password })
  await database.close()
}

const registered = async (server: RunningServer, name: string): Promise<Az> => {
  const az = isolatedAz(server, name)
  await az`cloud register -n opengallery --endpoint-resource-manager ${server.url}`
  await az`cloud set -n opengallery`
  return az
}

test('az cloud and az login, in every way', needsAz, async t => {
  const server = await startServer(t, { prepare: addCredentials })
  const { clientId, clientSecret, tenantId, subscriptionId } = server.admin
  const isIn = async (az: Az) => {
    assert.equal((await az`account show`).id, subscriptionId)
    await az`group list`
  }
  /** A user whom nobody gave a role is let in, sees the tenant, and may do nothing. */
  const isKnownWithoutRights = async (az: Az) => {
    assert.equal((await az`account show`).user.name, user.name)
    const { accessToken } = await az`account get-access-token`
    const get = async (path: string) => {
      const headers = { authorization: `Bearer ${accessToken}` }
      const answer = await fetch(`${server.url}${path}?api-version=2022-12-01`, { headers })
      return (await answer.json()) as { value?: { tenantId: string }[]; error?: { code: string } }
    }
    assert.deepEqual((await get('/subscriptions')).value, [])
    assert.equal((await get('/tenants')).value?.[0]?.tenantId, tenantId)
    assert.equal((await get(`/subscriptions/${subscriptionId}/resourcegroups`)).error?.code, 'AuthorizationFailed')
  }

  await t.test('one address is enough to register the cloud', async () => {
    const az = await registered(server, 'cloud')
    const cloud = await az`cloud show -n opengallery`
    assert.equal(cloud.endpoints.resourceManager, server.url)
    assert.equal(cloud.endpoints.activeDirectory, `${server.url}/adfs`)
    assert.ok(cloud.endpoints.activeDirectoryResourceId)
    assert.ok(cloud.suffixes.storageEndpoint)
  })

  await t.test('a service principal with its secret', async () => {
    const az = await registered(server, 'secret')
    await refused(az`login --service-principal -u ${clientId} -p wrong --tenant ${tenantId}`, /AADSTS7000215/)
    await az`login --service-principal -u ${clientId} -p ${clientSecret} --tenant ${tenantId}`
    await isIn(az)
  })

  await t.test('a service principal with its certificate', async () => {
    const az = await registered(server, 'certificate')
    const file = path.join(server.folder, 'login.pem')
    await az`login --service-principal -u ${clientId} --certificate ${file} --tenant ${tenantId}`
    await isIn(az)
  })

  await t.test('a user with a password, and the refresh token behind it', async () => {
    const az = await registered(server, 'password')
    await refused(az`login -u ${user.name} -p wrong --tenant ${tenantId}`, /AADSTS50126/)
    await refused(az`login -u ${user.name} -p ${user.password} --tenant ${tenantId}`, /No subscriptions found/)
    await az`login -u ${user.name} -p ${user.password} --tenant ${tenantId} --allow-no-subscriptions`
    await isKnownWithoutRights(az)
    await az`logout`
    await az`login -u ${user.name} -p ${user.password} --allow-no-subscriptions`
    await isKnownWithoutRights(az)
  })

  await t.test('a user on another device', async () => {
    const az = await registered(server, 'device')
    const child = spawn(azCommand(), ['login', '--use-device-code', '--tenant', tenantId, '--allow-no-subscriptions'], {
      env: azEnvironment(server, 'device', { AZURE_CORE_ONLY_SHOW_ERRORS: 'no' }),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    t.after(() => child.kill())
    let said = ''
    const code = await new Promise<string>((resolve, reject) => {
      child.stderr.on('data', data => {
        said += String(data)
        const found = /code ([A-Z0-9-]{8,})/.exec(said)?.[1]
        if (found) resolve(found)
      })
      child.once('exit', () => reject(new Error(said)))
    })
    const page = /https:\/\/\S+/.exec(said)?.[0] ?? ''
    assert.ok(page.startsWith(server.url), said)
    const finished = new Promise<number | null>(resolve => child.once('exit', resolve))
    assert.match(await signIn(page, code, user.password), /You are signed in/)
    assert.equal(await finished, 0, said)
    await isKnownWithoutRights(az)
    assert.doesNotMatch(await signIn(page, code, user.password), /You are signed in/)
  })
})

/** What a person does in a browser: opens the page, fills in the form, sends it. */
const signIn = async (page: string, code: string, password: string): Promise<string> => {
  const form = await fetch(page)
  const cookie = form.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const proof = /name="proof" value="([^"]+)"/.exec(await form.text())?.[1] ?? ''
  const body = new URLSearchParams({ proof, user_code: code, username: user.name, password })
  const answer = await fetch(page, { method: 'POST', body, headers: { cookie, origin: new URL(page).origin } })
  return await answer.text()
}
