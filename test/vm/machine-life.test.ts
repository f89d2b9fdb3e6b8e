import assert from 'node:assert/strict'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { addressOf, inGuest, machinesServer, withAzAndTinyImage } from './machines-server.ts'

test(
  'az attaches a disk, runs a script, reads the console, reimages; a guest that may go out reaches the host',
  withAzAndTinyImage,
  async t => {
    const { server, az } = await machinesServer(t, ['--outward-network'])
    await az`group create -n life -l eastus`
    await az`vm create -g life -n vm --image Ubuntu2204 --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys`
    const address = await addressOf(az, 'life', 'vm')
    const guest = (command: string) => inGuest(server, address, command)
    await guest('echo before | sudo tee /etc/marker')

    await t.test('a disk comes while the guest runs, and goes', async () => {
      const disks = async () =>
        (await guest('cat /proc/partitions')).split('\n').filter(line => / [sv]d[a-z]$/.test(line))
      const before = await disks()
      await az`vm disk attach -g life --vm-name vm --name data --new --size-gb 1`
      const [added, ...others] = (await disks()).filter(line => !before.includes(line))
      assert.match(added ?? '', / 1048576 /)
      assert.deepEqual(others, [])
      const device = `/dev/${added?.split(' ').at(-1)}`
      await guest(`echo kept | sudo dd of=${device} conv=fsync && sudo sync`)
      await az`vm disk detach -g life --vm-name vm --name data`
      assert.deepEqual(await disks(), before)
      await az`vm disk attach -g life --vm-name vm --name data`
      const [again] = (await disks()).filter(line => !before.includes(line))
      assert.equal(await guest(`sudo head -c 4 /dev/${again?.split(' ').at(-1)}`), 'kept')
      await az`vm disk detach -g life --vm-name vm --name data`
    })

    await t.test('a script runs as root, and what it says comes back', async () => {
      const ran =
        await az`vm run-command invoke -g life -n vm --command-id RunShellScript --scripts ${'id -un; hostname; echo "$1"; echo wrong >&2'} --parameters first`
      assert.equal(ran.value[0].code, 'ProvisioningState/succeeded')
      assert.match(ran.value[0].message, /\[stdout\]\s*root\s+vm\s+first\s+\[stderr\]\s*wrong/)
    })

    await t.test('the console is told by az', async () => {
      const log = await az`vm boot-diagnostics get-boot-log -g life -n vm -o tsv`
      assert.match(String(log), /Linux version/)
    })

    await t.test('a guest that may go out reaches what the host reaches', async () => {
      const greeter = http.createServer((_request, response) => response.end('from the host'))
      await new Promise<void>(resolve => greeter.listen(0, '127.0.0.1', resolve))
      t.after(() => greeter.close())
      const { port } = greeter.address() as AddressInfo
      assert.equal(await guest(`wget -qO- http://169.254.169.2:${port}/`), 'from the host')
    })

    await t.test('a machine is as new after reimage, and still the same person’s', async () => {
      const hostKeys = 'cat /etc/ssh/ssh_host_*_key.pub /etc/dropbear/*.pub 2>/dev/null || true'
      const keys = await guest(hostKeys)
      await az`vm reimage -g life -n vm`
      assert.equal(await guest('cat /etc/marker 2>/dev/null || echo gone; id -un; hostname'), 'gone\nazureuser\nvm')
      if (keys !== '') assert.notEqual(await guest(hostKeys), keys)
    })
    await az`vm delete -g life -n vm --yes`
  },
)
