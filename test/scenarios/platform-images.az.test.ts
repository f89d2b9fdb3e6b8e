import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../src/cli/test-shell.ts'
import { loggedIn, needsAz, refused, together } from './az.ts'
import { diskImage, fixedVhd } from './disk-image.ts'
import { startServer } from './running-server.ts'

test('the guide’s commands find platform images and make disks of them', needsAz, async t => {
  const server = await startServer(t)
  const file = path.join(server.folder, 'acme.vhd')
  await fs.writeFile(file, fixedVhd(diskImage(20, 3)))
  // Beside the running server, which sees it at once.
  for (const version of ['1.0.9', '1.0.10']) {
    const urn = `Acme:linux:server:${version}`
    const added = await runCommand([
      'catalog',
      'add',
      file,
      '--urn',
      urn,
      '--alias',
      'AcmeLinux',
      '--data',
      server.dataFolder,
    ])
    assert.equal(added.exitCode, 0, added.stderr)
  }
  const az = await loggedIn(server)
  const namesOf = (answer: { name: string }[]) => answer.map(({ name }) => name)
  await together(
    async () => {
      const aliases = await az`vm image list`
      const acme = aliases.find(({ urnAlias }: { urnAlias: string }) => urnAlias === 'AcmeLinux')
      assert.equal(acme?.urn, 'Acme:linux:server:latest')
      assert.ok(aliases.some(({ urnAlias }: { urnAlias: string }) => urnAlias === 'Ubuntu2204'))
    },
    async () => {
      const all = await az`vm image list --all --publisher Acme --location eastus`
      assert.deepEqual(all.map(({ urn }: { urn: string }) => urn).sort(), [
        'Acme:linux:server:1.0.10',
        'Acme:linux:server:1.0.9',
      ])
    },
    async () => {
      const shown = await az`vm image show --urn Acme:linux:server:latest --location eastus`
      assert.equal(shown.name, '1.0.10')
      assert.deepEqual(
        [shown.hyperVGeneration, shown.architecture, shown.osDiskImage.operatingSystem],
        ['V1', 'x64', 'Linux'],
      )
    },
    async () => assert.ok(namesOf(await az`vm image list-publishers -l eastus`).includes('Canonical')),
    async () => assert.deepEqual(namesOf(await az`vm image list-offers -l eastus -p Acme`), ['linux']),
    async () => assert.deepEqual(namesOf(await az`vm image list-skus -l eastus -p Acme -f linux`), ['server']),
    () =>
      refused(az`vm image show --urn Acme:linux:nothing:1.0.0 --location eastus`, /Artifact: VMImage was not found/),
  )
  await az`group create -n rg -l eastus`
  await together(
    async () => {
      const disk = await az`disk create -g rg -n os --image-reference Acme:linux:server:latest`
      assert.deepEqual([disk.provisioningState, disk.osType, disk.hyperVGeneration], ['Succeeded', 'Linux', 'V1'])
      assert.match(disk.creationData.imageReference.id, /Publishers\/Acme\/.*\/Versions\/1[.]0[.]10$/)
    },
    () =>
      refused(
        az`disk create -g rg -n none --image-reference Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest`,
        /PlatformImageNotFetched.*opengallery catalog fetch Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2/s,
      ),
  )
})
