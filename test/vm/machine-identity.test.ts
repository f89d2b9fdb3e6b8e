import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused } from '../scenarios/az.ts'
import { addressOf, inGuest, machinesServer, withAzAndTinyImage } from './machines-server.ts'

test(
  'az vm identity, and tokens from inside the guest that the server accepts, also after kill -9',
  withAzAndTinyImage,
  async t => {
    const { server, az } = await machinesServer(t)
    await az`group create -n ids -l eastus`
    await az`identity create -g ids -n one`
    const made =
      await az`vm create -g ids -n vm --image Ubuntu2204 --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys --assign-identity`
    assert.match(made.identity.systemAssignedIdentity, /^[0-9a-f-]{36}$/)
    await az`vm identity assign -g ids -n vm --identities one`
    const both = await az`vm identity show -g ids -n vm`
    assert.deepEqual(
      [both.type, both.principalId],
      ['SystemAssigned, UserAssigned', made.identity.systemAssignedIdentity],
    )
    const [assigned] = Object.entries<{ clientId: string }>(both.userAssignedIdentities)
    assert.match(assigned?.[0] ?? '', /\/userAssignedIdentities\/one$/)

    const address = await addressOf(az, 'ids', 'vm')
    const ask = async (more = '') => {
      const url = `http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F${more}`
      return await inGuest(server, address, `wget -qO- --header 'Metadata: true' '${url}' || echo none`)
    }
    const statusWith = async (answer: string) => {
      const { token_type, access_token } = JSON.parse(answer)
      const headers = { authorization: `${token_type} ${access_token}` }
      return (await fetch(`${server.url}/subscriptions?api-version=2022-12-01`, { headers })).status
    }
    assert.equal(await statusWith(await ask()), 200)
    assert.equal(await statusWith(await ask(`&client_id=${assigned?.[1].clientId}`)), 200)

    await server.kill()
    assert.equal(await ask(), 'none')
    await server.restart()
    let answer = 'none'
    for (let tries = 0; answer === 'none' && tries < 10; tries++) answer = await ask()
    assert.equal(await statusWith(answer), 200)

    await az`vm identity remove -g ids -n vm --identities one`
    assert.equal((await az`vm identity show -g ids -n vm`).type, 'SystemAssigned')
    await az`vm identity remove -g ids -n vm`
    assert.equal((await az`vm show -g ids -n vm`).identity ?? undefined, undefined)
    assert.equal(await ask(), 'none')
    await refused(az`vm identity assign -g ids -n vm --identities none`, /FailedIdentityOperation/)
    await az`vm delete -g ids -n vm --yes`
  },
)
