import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { addressOf, inGuest, machinesServer, withAzAndTinyImage } from './machines-server.ts'

test(
  'the server is killed while a machine is made, while it runs, and while it becomes an image',
  withAzAndTinyImage,
  async t => {
    const { server, az } = await machinesServer(t)
    const killed = async () => {
      await server.kill()
      await server.restart()
    }
    const settled = async (show: () => Promise<string>) => {
      for (;;) {
        const state = await show()
        if (!['Creating', 'Updating'].includes(state)) return state
        await systemClock.sleep(1000)
      }
    }
    await az`group create -n rg -l eastus`
    await az`vm create -g rg -n web --image Ubuntu2204 --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys --no-wait`
    for (;;) {
      const found: string[] = await az`vm list -g rg --query ${'[].provisioningState'}`
      if (found.length > 0) break
      await systemClock.sleep(100)
    }
    await t.test('a machine that was being made is there after the next start', async () => {
      await killed()
      assert.equal(await settled(() => az`vm show -g rg -n web --query provisioningState`), 'Succeeded')
    })

    const address = await addressOf(az, 'rg', 'web')
    const bootId = () => inGuest(server, address, 'cat /proc/sys/kernel/random/boot_id')
    await t.test('a machine that runs never notices', async () => {
      const before = await bootId()
      await server.kill()
      assert.equal(await bootId(), before, 'it is reached while no server runs')
      await inGuest(server, address, 'sudo mkdir -p /opt && echo kept | sudo tee /opt/kept && sync')
      await server.restart()
      assert.equal(await bootId(), before)
      assert.equal(await az`vm show -g rg -n web --show-details --query powerState`, 'VM running')
    })

    await t.test('what it wrote becomes the image, whenever the server goes', async () => {
      await inGuest(server, address, 'sudo waagent -deprovision+user -force').catch(() => {}) // its user goes with the line
      await az`vm deallocate -g rg -n web --no-wait`
      await killed()
      for (;;) {
        const power = await az`vm show -g rg -n web --show-details --query powerState`
        if (power === 'VM deallocated') break
        await systemClock.sleep(1000)
      }
      await az`vm generalize -g rg -n web`
      await az`sig create -g rg -r corp`
      await az`sig image-definition create -g rg -r corp -i web --publisher p --offer o --sku s --os-type Linux`
      const source = await az`vm show -g rg -n web --query id`
      await az`sig image-version create -g rg -r corp -i web -e 1.0.0 --virtual-machine ${source} --no-wait`
      await killed()
      const shown = () => az`sig image-version show -g rg -r corp -i web -e 1.0.0 --query provisioningState`
      assert.equal(await settled(shown), 'Succeeded')
      const definition = await az`sig image-definition show -g rg -r corp -i web --query id`
      await az`vm create -g rg -n next --image ${definition} --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys`
      assert.equal(await inGuest(server, await addressOf(az, 'rg', 'next'), 'cat /opt/kept'), 'kept')
    })
  },
)
