import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestServer } from '../../../test/support/test-server.ts'
import { runCommand } from '../test-shell.ts'

test('consumers of a gallery are listed, and a version is reported and freed, from the command line', async t => {
  const server = await startTestServer()
  t.after(() => server.stop())
  const compute = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/images/providers/Microsoft.Compute`
  const put = async (path: string, properties: object) => {
    const answer = await server.fetch('PUT', `${path}?api-version=2024-03-03`, {
      body: JSON.stringify({ location: 'eastus', properties }),
    })
    assert.ok(answer.status < 300, answer.text)
    for (let state = ''; state !== 'Succeeded'; ) {
      state =
        (await server.fetch('GET', `${path}?api-version=2024-03-03`)).json.properties.provisioningState ?? 'Succeeded'
      assert.notEqual(state, 'Failed')
    }
    return answer.json
  }
  const command = (...args: string[]) => runCommand([...args, '--data', server.dataFolder])
  const gallery = `${compute}/galleries/open`
  await put(compute.split('/providers')[0] ?? '', {})
  await put(`${compute}/disks/os`, { creationData: { createOption: 'Empty' }, diskSizeGB: 1 })
  const communityGalleryInfo = { publisherUri: 'u', publisherContact: 'c', eula: 'e', publicNamePrefix: 'pubname' }
  const made = await put(gallery, { sharingProfile: { permissions: 'Community', communityGalleryInfo } })
  const identifier = { publisher: 'p', offer: 'o', sku: 's' }
  await put(`${gallery}/images/web`, { osType: 'Linux', osState: 'Specialized', hyperVGeneration: 'V1', identifier })
  const osDiskImage = { source: { id: `${compute}/disks/os` } }
  await put(`${gallery}/images/web/versions/1.0.0`, { storageProfile: { osDiskImage } })
  const shared = await server.fetch('POST', `${gallery}/share?api-version=2024-03-03`, {
    body: JSON.stringify({ operationType: 'EnableCommunity' }),
  })
  assert.equal(shared.status, 202)
  const [publicName] = made.properties.sharingProfile.communityGalleryInfo.publicNames
  const name = `/CommunityGalleries/${publicName}/Images/web/Versions/1.0.0`
  assert.match((await command('consumers', 'images/open')).stdout, /^Nothing is there/)
  const creationData = { createOption: 'FromImage', galleryImageReference: { communityGalleryImageId: name } }
  await put(`${compute}/disks/copy`, { creationData })

  const told = await command('consumers', 'images/open')
  assert.equal(told.exitCode, 0, told.stderr)
  assert.match(told.stdout, /web\/1\.0\.0 +eastus +\(community\) +community +0 +1\n/)
  const { consumers } = JSON.parse((await command('consumers', gallery, '--json')).stdout)
  assert.equal(consumers[0].disks, 1)

  const args = ['--category', 'IpTheft', '--details', 'not theirs']
  assert.match(
    (await command('community', 'report', name, ...args)).stdout,
    /^Reported .*\/versions\/1\.0\.0\. Nothing new/,
  )
  assert.match((await command('community', 'reports')).stdout, /versions\/1\.0\.0 +IpTheft +not theirs/)
  const refused = await command('community', 'report', `${name}1`, ...args)
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /ResourceNotFound/)
  assert.equal((await command('community', 'report', 'images/open/web', ...args)).exitCode, 2)
  assert.equal((await command('community', 'report', name, '--category', 'Ugly')).exitCode, 2)
  assert.match(
    (await command('community', 'withdraw', 'images/open/web/1.0.0')).stdout,
    /can be read and deployed again/,
  )
  assert.match((await command('community', 'reports')).stdout, /^No version is reported/)
})
