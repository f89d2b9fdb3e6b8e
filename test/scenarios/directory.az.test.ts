import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startTestIssuer } from '#identity/federation/test-issuer.ts'
import { type Az, isolatedAz, loggedIn, needsAz, refused } from './az.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** An az that remembers nobody: it would go on with the token that it has, whatever became of the secret. */
const another = async (server: RunningServer): Promise<Az> => {
  const az = isolatedAz(server, `az-${++others}`)
  await az`cloud register -n opengallery --endpoint-resource-manager ${server.url}`
  await az`cloud set -n opengallery`
  return az
}

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')
let others = 0

/** A file with an issuer that CI jobs have their tokens from. */
const issuersFile = async (issuer: string): Promise<string> => {
  const file = path.join(await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-issuers-')), 'issuers.json')
  await fs.writeFile(file, JSON.stringify({ issuers: [{ issuer, federation: true }] }))
  return file
}

test('az ad: people, groups, programs and what they sign in by', needsAz, async t => {
  const ci = await startTestIssuer()
  const file = await issuersFile(ci.issuer)
  t.after(async () => {
    await ci[Symbol.asyncDispose]()
    await fs.rm(path.dirname(file), { recursive: true, force: true })
  })
  const server = await startServer(t, { args: ['--issuers', file] })
  const { tenantId } = server.admin
  const az = await loggedIn(server)
  const name = 'ann@opengallery.local'

  await t.test('users', async () => {
    const made = await az`ad user create --display-name Ann --user-principal-name ${name} --password correct-horse`
    assert.equal(made.userPrincipalName, name)
    await refused(
      az`ad user create --display-name Ann --user-principal-name ann@contoso.example --password correct-horse`,
      /verified domain names/,
    )
    assert.equal((await az`ad user show --id ${name}`).id, made.id)
    assert.deepEqual(
      (await az`ad user list --display-name An`).map(({ id }: { id: string }) => id),
      [made.id],
    )
    await refused(az`ad signed-in-user show`, /only valid with delegated authentication flow/)
    const ann = await another(server)
    await ann`login -u ${name} -p correct-horse --tenant ${tenantId} --allow-no-subscriptions`
    assert.equal((await ann`ad signed-in-user show`).id, made.id)
    await refused(ann`ad user delete --id ${name}`, /Insufficient privileges/)
    await az`ad user update --id ${name} --password battery-staple`
    await refused((await another(server))`login -u ${name} -p correct-horse --tenant ${tenantId}`, /AADSTS50126/)
  })

  await t.test('groups, in each other', async () => {
    const { id: ann } = await az`ad user show --id ${name}`
    const team = await az`ad group create --display-name team --mail-nickname team`
    const all = await az`ad group create --display-name all --mail-nickname all --description ${'everybody there is'}`
    await az`ad group member add --group team --member-id ${ann}`
    await az`ad group member add --group all --member-id ${team.id}`
    await refused(az`ad group member add --group team --member-id ${all.id}`, /contain itself/)
    assert.deepEqual(await az`ad group member check --group all --member-id ${ann}`, { value: true })
    const members = await az`ad group member list --group team`
    assert.deepEqual(
      members.map(({ id }: { id: string }) => id),
      [ann],
    )
    const groups = await az`ad user get-member-groups --id ${name}`
    assert.deepEqual(groups.map((group: { displayName: string }) => group.displayName).toSorted(), ['all', 'team'])
    await az`ad group owner add --group team --owner-object-id ${ann}`
    assert.equal((await az`ad group owner list --group team`).length, 1)
    await az`ad group member remove --group team --member-id ${ann}`
    assert.deepEqual(await az`ad group member check --group all --member-id ${ann}`, { value: false })
    await az`ad group delete --group all`
    assert.equal((await az`ad group list`).length, 1)
  })

  await t.test('a service principal with a secret, and a new one', async () => {
    const made = await az`ad sp create-for-rbac --name builder`
    assert.deepEqual([made.tenant, made.displayName], [tenantId, 'builder'])
    const shown = await az`ad sp show --id ${made.appId}`
    assert.deepEqual(shown.servicePrincipalNames, [made.appId])
    const found = await az`ad sp list --display-name build`
    assert.deepEqual(
      found.map((one: { appId: string }) => one.appId),
      [made.appId],
    )
    const signIn = async (secret: string) => {
      const builder = await another(server)
      await builder`login --service-principal -u ${made.appId} -p ${secret} --tenant ${tenantId} --allow-no-subscriptions`
      return builder
    }
    await signIn(made.password)
    const again = await az`ad sp create-for-rbac --name builder`
    assert.equal(again.appId, made.appId)
    await refused(signIn(made.password), /AADSTS7000215/)
    const reset = await az`ad sp credential reset --id ${made.appId}`
    const builder = await signIn(reset.password)
    assert.equal((await builder`ad user list`).length, 1)
    assert.equal((await az`ad sp credential list --id ${made.appId}`).length, 1)
    await az`ad sp delete --id ${made.appId}`
    await refused(signIn(reset.password), /AADSTS7000215/)
    await refused(builder`ad user list`, /InvalidAuthenticationToken|Access token|principal/)
    await az`ad sp create --id ${made.appId}`
    await az`ad app delete --id ${made.appId}`
    await refused(az`ad sp show --id ${made.appId}`, /does not exist/)
  })

  await t.test('a service principal with a certificate', async () => {
    const made = await az`ad sp create-for-rbac --name certified --create-cert`
    const { appId, fileWithCertAndPrivateKey: pem } = made
    const login = async () =>
      (await another(
        server,
      ))`login --service-principal -u ${appId} --certificate ${pem} --tenant ${tenantId} --allow-no-subscriptions`
    await login()
    const [credential] = await az`ad app credential list --id ${appId} --cert`
    await az`ad app credential delete --id ${appId} --key-id ${credential.keyId} --cert`
    await refused(login(), /AADSTS700027/)
  })

  await t.test('an application, its owners, and a CI job without a secret', async () => {
    const { id: ann } = await az`ad user show --id ${name}`
    const app = await az`ad app create --display-name pipeline --identifier-uris api://pipeline`
    await az`ad app update --id ${app.appId} --display-name Pipeline`
    assert.equal((await az`ad app show --id api://pipeline`).displayName, 'Pipeline')
    await az`ad app owner add --id ${app.appId} --owner-object-id ${ann}`
    assert.ok((await az`ad app owner list --id ${app.appId}`).some(({ id }: { id: string }) => id === ann))
    await az`ad sp create --id ${app.appId}`
    const words = { name: 'main', issuer: ci.issuer, subject: 'repo:acme', audiences: ['api://AzureADTokenExchange'] }
    const strange = JSON.stringify({ ...words, issuer: 'https://stranger.example' })
    await refused(az`ad app federated-credential create --id ${app.appId} --parameters ${strange}`, /not accepted here/)
    await az`ad app federated-credential create --id ${app.appId} --parameters ${JSON.stringify(words)}`
    assert.equal((await az`ad app federated-credential list --id ${app.appId}`).length, 1)
    const token = (sub: string) =>
      ci.sign({ sub, aud: 'api://AzureADTokenExchange', exp: Math.floor(Date.now() / 1000) + 300 })
    const login = async (text: string) =>
      (await another(
        server,
      ))`login --service-principal -u ${app.appId} --federated-token ${text} --tenant ${tenantId} --allow-no-subscriptions`
    await refused(login(await token('repo:other')), /AADSTS700213/)
    await login(await token('repo:acme'))
    await az`ad app federated-credential delete --id ${app.appId} --federated-credential-id main`
    await refused(login(await token('repo:acme')), /AADSTS700211/)
  })

  await t.test('deleted people are gone', async () => {
    await az`ad user delete --id ${name}`
    await refused(az`ad user show --id ${name}`, /does not exist/)
  })
})

test('az: roles for whom the directory knows, and a second tenant', needsAz, async t => {
  const server = await startServer(t)
  const { tenantId, subscriptionId } = server.admin
  const az = await loggedIn(server)
  const scope = `/subscriptions/${subscriptionId}`

  await t.test('create-for-rbac with a role, and the right to it at once', async () => {
    await az`group create -n rg -l eastus`
    const group = `${scope}/resourceGroups/rg`
    const made = await az`ad sp create-for-rbac --name ci --role Contributor --scopes ${group}`
    const ci = await another(server)
    await ci`login --service-principal -u ${made.appId} -p ${made.password} --tenant ${tenantId}`
    assert.equal((await ci`account show`).id, subscriptionId)
    await ci`sig create -g rg -r gallery`
    await refused(ci`group create -n other -l eastus`, /AuthorizationFailed/)
    const [assignment] = await az`role assignment list --assignee ${made.appId} --all`
    assert.deepEqual([assignment.principalName, assignment.roleDefinitionName], [made.appId, 'Contributor'])
    await az`ad sp delete --id ${made.appId}`
    await refused(ci`sig list -g rg`, /401|InvalidAuthenticationToken|principal|AADSTS/)
  })

  await t.test('a user by name, and a group', async () => {
    const name = 'ann@opengallery.local'
    await az`ad user create --display-name Ann --user-principal-name ${name} --password correct-horse`
    await az`role assignment create --assignee ${name} --role Reader --scope ${scope}`
    const ann = await another(server)
    await ann`login -u ${name} -p correct-horse`
    assert.deepEqual(
      (await ann`account list`).map((one: { id: string }) => one.id),
      [subscriptionId],
    )
    assert.equal((await ann`group list`).length, 1)
    await refused(ann`group create -n mine -l eastus`, /AuthorizationFailed/)
    const team = await az`ad group create --display-name team --mail-nickname team`
    const given = ['--assignee-object-id', team.id, '--assignee-principal-type', 'Group']
    await az`role assignment create ${given[0]} ${given[1]} ${given[2]} ${given[3]} --role Contributor --scope ${scope}`
    const { id } = await az`ad user show --id ${name}`
    await az`ad group member add --group team --member-id ${id}`
    await ann`group create -n mine -l eastus`
    await az`ad group member remove --group team --member-id ${id}`
    await refused(ann`group create -n more -l eastus`, /AuthorizationFailed/)
  })

  await t.test('a tenant of its own', async () => {
    const opengallery = async (...args: string[]) => {
      const command = [launcher, ...args, '--data', server.dataFolder, '--json']
      return JSON.parse((await promisify(execFile)(process.execPath, command)).stdout)
    }
    const made = await opengallery('tenant', 'add', 'Contoso', '--domain', 'contoso.example')
    const { clientId, clientSecret } = made.administrator
    const theirs = await another(server)
    const login = ['-u', clientId, '-p', clientSecret, '--tenant', made.tenantId]
    await refused(
      theirs`login --service-principal ${login[0]} ${login[1]} ${login[2]} ${login[3]} ${login[4]} ${login[5]}`,
      /No subscriptions found/,
    )
    const { subscriptionId: production } = await opengallery(
      'subscription',
      'add',
      'production',
      '--tenant',
      made.tenantId,
    )
    await theirs`login --service-principal ${login[0]} ${login[1]} ${login[2]} ${login[3]} ${login[4]} ${login[5]}`
    const [account] = await theirs`account list`
    assert.deepEqual([account.id, account.tenantId, account.name], [production, made.tenantId, 'production'])
    const groups = `${scope}/resourcegroups?api-version=2022-09-01`
    const alias = '/providers/Microsoft.Subscription/aliases/staging?api-version=2021-10-01'
    const body = JSON.stringify({ properties: { displayName: 'staging', workload: 'Production' } })
    await theirs`rest --method put --url ${alias} --body ${body}`
    assert.equal((await theirs`account list --refresh`).length, 2)
    await theirs`ad user create --display-name Bob --user-principal-name bob@contoso.example --password correct-horse`
    await theirs`role assignment create --assignee bob@contoso.example --role Reader --scope /subscriptions/${production}`
    const bob = await another(server)
    await bob`login -u bob@contoso.example -p correct-horse`
    assert.deepEqual(
      (await bob`account list`).map((one: { id: string }) => one.id),
      [production],
    )
    assert.deepEqual(
      (await az`ad user list`).map((one: { displayName: string }) => one.displayName),
      ['Ann'],
    )
    const { accessToken } = await theirs`account get-access-token`
    const answer = await fetch(`${server.url}${groups}`, { headers: { authorization: `Bearer ${accessToken}` } })
    assert.equal(((await answer.json()) as { error: { code: string } }).error.code, 'InvalidAuthenticationTokenTenant')
    const cancel = `/subscriptions/${production}/providers/Microsoft.Subscription/cancel?api-version=2021-10-01`
    await theirs`rest --method post --url ${cancel}`
    await refused(theirs`group create -n rg -l eastus --subscription ${production}`, /ReadOnlyDisabledSubscription/)
  })
})

test('az identity: a CI job signs in as a managed identity', needsAz, async t => {
  const ci = await startTestIssuer()
  const file = await issuersFile(ci.issuer)
  t.after(async () => {
    await ci[Symbol.asyncDispose]()
    await fs.rm(path.dirname(file), { recursive: true, force: true })
  })
  const server = await startServer(t, { args: ['--issuers', file] })
  const { tenantId, subscriptionId } = server.admin
  const az = await loggedIn(server)
  await az`group create -n rg -l eastus`
  const { clientId, principalId } = await az`identity create -g rg -n robot`
  const trust = (issuer: string) =>
    az`identity federated-credential create -g rg --identity-name robot -n job --issuer ${issuer} --subject job:1 --audiences api://exchange`
  await refused(trust('https://stranger.example'), /IssuerNotAccepted/)
  await trust(ci.issuer)
  assert.equal((await az`identity federated-credential list -g rg --identity-name robot`).length, 1)
  const who = ['--assignee-object-id', principalId, '--assignee-principal-type', 'ServicePrincipal']
  const scope = `/subscriptions/${subscriptionId}`
  await az`role assignment create ${who[0]} ${who[1]} ${who[2]} ${who[3]} --role Reader --scope ${scope}`
  const signIn = async () => {
    const job = await another(server)
    const token = await ci.sign({ sub: 'job:1', aud: 'api://exchange', exp: Math.floor(Date.now() / 1000) + 300 })
    await job`login --service-principal -u ${clientId} --federated-token ${token} --tenant ${tenantId}`
    return job
  }
  assert.equal((await (await signIn())`group list`).length, 1)
  await az`identity federated-credential delete -g rg --identity-name robot -n job --yes`
  await refused(signIn(), /AADSTS700211/)
})
