import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test } from 'node:test'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { systemRandom } from '#foundation/random.ts'
import { openResources } from '#resources/stored-resources.ts'
import { type Az, isolatedAz, loggedIn, needsAz, refused, together } from './az.ts'
import { type RunningServer, startServer } from './running-server.ts'

interface Somebody {
  readonly objectId: string
  readonly appId: string
  readonly secret: string
}

const other = '0ffff000-0000-4000-8000-00000000000f'
const names = ['reader', 'contributor', 'sharer', 'nobody'] as const

/** A second subscription of the tenant. */
const prepare = async (dataFolder: string): Promise<void> => {
  const database = openSqlite(path.join(dataFolder, 'metadata.sqlite'))
  const resources = await openResources(database)
  const [first] = (await resources.list({ type: 'Microsoft.Resources/subscriptions' })).documents
  const document = subscriptionDocument(other, String(first?.properties.tenantId), 'Other', {
    now: systemClock.now(),
    uuid: systemRandom.uuid,
  })
  await database.transact(transaction => resources.insert(transaction, document))
  await database.close()
}

/** A program that nobody has given a role yet. */
const made = async (admin: Az, name: string): Promise<Somebody> => {
  const { appId, password: secret } = await admin`ad sp create-for-rbac -n ${name}`
  return { appId, secret, objectId: (await admin`ad sp show --id ${appId}`).id }
}

const signedIn = async (server: RunningServer, name: string, { appId, secret }: Somebody): Promise<Az> => {
  const az = isolatedAz(server, name)
  await az`cloud register -n opengallery --endpoint-resource-manager ${server.url}`
  await az`cloud set -n opengallery`
  await az`login --service-principal -u ${appId} -p ${secret} --tenant ${server.admin.tenantId} --allow-no-subscriptions`
  return az
}

test('az role and az lock decide what others may do', needsAz, async t => {
  const people = new Map<string, Somebody>()
  const server = await startServer(t, { prepare })
  const admin = await loggedIn(server)
  const { subscriptionId } = server.admin
  await admin`account set -s ${subscriptionId}`
  const who = (name: (typeof names)[number]): Somebody => people.get(name) ?? assert.fail(name)
  for (const name of names) people.set(name, await made(admin, name))
  const group = `/subscriptions/${subscriptionId}/resourceGroups/images`
  await admin`group create -n images -l eastus`
  await admin`group create -n others -l eastus`
  const gallery = await admin`sig create -g images -r gallery --permissions groups`
  await admin`sig image-definition create -g images -r gallery -i debian --os-type Linux --publisher p --offer o --sku s`
  const give = (name: (typeof names)[number], role: string, scope: string) =>
    admin`role assignment create --assignee-object-id ${who(name).objectId} --assignee-principal-type ServicePrincipal --role ${role} --scope ${scope}`

  await t.test('the administrator’s own roles are there to be seen', async () => {
    const all = await admin`role assignment list --all --fill-principal-name false`
    assert.deepEqual(
      all.map(({ scope, roleDefinitionName }: Record<string, string>) => [scope, roleDefinitionName]).sort(),
      [
        ['/', 'Owner'],
        [`/subscriptions/${subscriptionId}`, 'Owner'],
      ],
    )
  })

  await t.test('roles are defined', async () => {
    const [reader] = await admin`role definition list -n Reader`
    assert.equal(reader.name, 'acdd72a7-3385-48ef-bd42-f606fba81ae7')
    const role = {
      name: 'Retirer',
      description: 'Deletes versions',
      actions: ['Microsoft.Compute/galleries/*/read', 'Microsoft.Compute/galleries/images/versions/delete'],
      assignableScopes: [`/subscriptions/${subscriptionId}`],
    }
    const made = await admin`role definition create --role-definition ${JSON.stringify(role)}`
    assert.equal(made.roleName, 'Retirer')
    await refused(
      admin`role definition create --role-definition ${JSON.stringify(role)}`,
      /RoleDefinitionWithSameNameExists/,
    )
    const changed = { ...role, description: 'Deletes old versions' }
    const updated = await admin`role definition update --role-definition ${JSON.stringify(changed)}`
    assert.deepEqual([updated.description, updated.name], ['Deletes old versions', made.name])
    assert.equal((await admin`role definition list --custom-role-only true`).length, 1)
    await give('nobody', 'Retirer', group)
    await refused(admin`role definition delete -n Retirer`, /RoleDefinitionHasAssignments/)
    await admin`role assignment delete --assignee-object-id ${who('nobody').objectId} --role Retirer --scope ${group}`
    await admin`role definition delete -n Retirer`
    assert.deepEqual(await admin`role definition list --custom-role-only true`, [])
  })

  await t.test('roles are given once, and found again at their scope and below it', async () => {
    const made = await give('reader', 'Compute Gallery Image Reader', gallery.id)
    assert.deepEqual([made.principalId, made.scope], [who('reader').objectId, gallery.id])
    assert.equal((await give('reader', 'Compute Gallery Image Reader', gallery.id)).id, made.id)
    await give('reader', 'Contributor', `/subscriptions/${other}`)
    await give('contributor', 'Contributor', group)
    await give('sharer', 'Compute Gallery Sharing Admin', gallery.id)
    const names = async (found: Promise<Record<string, string>[]>) =>
      (await found).map(({ roleDefinitionName }) => roleDefinitionName).sort()
    await together(
      async () =>
        assert.deepEqual(await names(admin`role assignment list --scope ${group} --fill-principal-name false`), [
          'Contributor',
        ]),
      async () =>
        assert.deepEqual(
          await names(
            admin`role assignment list --scope ${gallery.id} --include-inherited --fill-principal-name false`,
          ),
          ['Compute Gallery Image Reader', 'Compute Gallery Sharing Admin', 'Contributor', 'Owner', 'Owner'],
        ),
      async () =>
        assert.deepEqual(
          await names(
            admin`role assignment list --all --assignee-object-id ${who('sharer').objectId} --fill-principal-name false`,
          ),
          ['Compute Gallery Sharing Admin'],
        ),
      async () => await refused(give('nobody', 'Reader', `${group}2`), /ResourceGroupNotFound/),
    )
  })

  await t.test('who reads images of one gallery sees these, and writes only at home', async () => {
    const az = await signedIn(server, 'reader', who('reader'))
    await az`account set -s ${subscriptionId}`
    assert.equal((await az`sig image-definition show -g images -r gallery -i debian`).name, 'debian')
    assert.deepEqual(await az`group list`, [])
    await refused(
      az`sig image-definition create -g images -r gallery -i mine --os-type Linux --publisher p --offer o --sku t`,
      /AuthorizationFailed/,
    )
    await refused(az`sig delete -g images -r gallery`, /AuthorizationFailed/)
    await az`account set -s ${other}`
    await az`group create -n own -l eastus`
    await az`sig create -g own -r own`
    assert.deepEqual(await az`resource list --query ${'[].name'}`, ['own'])
  })

  await t.test('a contributor of a group manages what is in it, and gives no roles', async () => {
    const az = await signedIn(server, 'contributor', who('contributor'))
    await az`sig image-definition create -g images -r gallery -i ubuntu --os-type Linux --publisher p --offer o --sku u`
    assert.deepEqual(await az`group list --query ${'[].name'}`, ['images'])
    await refused(az`group create -n more -l eastus`, /AuthorizationFailed/)
    await refused(az`sig create -g others -r gallery`, /AuthorizationFailed/)
    await refused(
      az`role assignment create --assignee-object-id ${who('nobody').objectId} --assignee-principal-type ServicePrincipal --role Reader --scope ${group}`,
      /AuthorizationFailed/,
    )
    await refused(az`lock create -n l --lock-type CanNotDelete -g images`, /AuthorizationFailed/)
    await refused(az`sig share add -g images -r gallery --subscription-ids ${other}`, /AuthorizationFailed/)
  })

  await t.test('who may share a gallery shares it, and does no more', async () => {
    const az = await signedIn(server, 'sharer', who('sharer'))
    await az`sig share add -g images -r gallery --subscription-ids ${other}`
    await refused(az`sig show -g images -r gallery`, /AuthorizationFailed/)
    await refused(az`sig delete -g images -r gallery`, /AuthorizationFailed/)
    const { sharingProfile } = await admin`sig show -g images -r gallery --sharing-groups`
    assert.deepEqual(sharingProfile.groups[0].ids, [other])
    await az`sig share reset -g images -r gallery`
  })

  await t.test('a lock holds its owner too', async () => {
    const lock = await admin`lock create -n keep --lock-type CanNotDelete -g images --notes ${'do not'}`
    assert.equal(lock.level, 'CanNotDelete')
    assert.equal((await admin`lock show -n keep -g images`).notes, 'do not')
    assert.deepEqual(await admin`lock list --query ${'[].name'}`, ['keep'])
    await refused(admin`sig image-definition delete -g images -r gallery -i ubuntu`, /ScopeLocked/)
    await refused(admin`group delete -n images --yes`, /ScopeLocked/)
    await admin`sig update -g images -r gallery --set tags.a=b`
    await admin`lock create -n still --lock-type ReadOnly -g images --resource-name gallery --resource-type Microsoft.Compute/galleries`
    await refused(admin`sig update -g images -r gallery --set tags.a=c`, /ScopeLocked/)
    await admin`lock delete -n still -g images --resource-name gallery --resource-type Microsoft.Compute/galleries`
    await admin`lock delete -n keep -g images`
    await admin`sig image-definition delete -g images -r gallery -i ubuntu`
  })

  await t.test('a role that is taken away is gone with the next request', async () => {
    const az = await signedIn(server, 'nobody', who('nobody'))
    await give('nobody', 'Reader', group)
    await az`account list --refresh`
    await az`account set -s ${subscriptionId}`
    assert.equal((await az`sig show -g images -r gallery`).name, 'gallery')
    await admin`role assignment delete --assignee-object-id ${who('nobody').objectId} --scope ${group}`
    await refused(az`sig show -g images -r gallery`, /AuthorizationFailed/)
  })

  await t.test('what can be allowed is listed', async () => {
    const shown = await admin`provider operation show --namespace Microsoft.Compute`
    const actions = shown.resourceTypes.flatMap(({ operations }: { operations: { name: string }[] }) =>
      operations.map(({ name }) => name),
    )
    for (const action of [
      'Microsoft.Compute/galleries/images/versions/write',
      'Microsoft.Compute/disks/beginGetAccess/action',
    ])
      assert.ok(actions.includes(action), action)
    assert.ok((await admin`provider operation list`).length >= 5)
  })
})
