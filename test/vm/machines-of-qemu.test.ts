import type { TestContext } from 'node:test'
import { machinesContract, sectorBytes } from '#data-plane/machines/machines.contract.ts'
import type { MachineDisk } from '#data-plane/machines/machines.ts'
import { bootSector, idles } from '#data-plane/machines/test-guest.ts'
import { consoleOf, machinesFolder, openIn, pidOf, until, withQemu } from '#data-plane/machines/test-machines.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'

const bootDisk = (id: string): MachineDisk => {
  const content = Buffer.alloc(sectorBytes * 2048)
  bootSector(id).copy(content)
  return {
    id,
    lun: undefined,
    sizeBytes: content.length,
    base: { id: `boots ${id}`, open: async () => bytesOf(content) },
  }
}

const openHere = async (t: TestContext) => {
  const folder = await machinesFolder(t)
  let machines = await openIn(folder)
  t.after(() => machines.close())
  return {
    machines,
    bootDisk,
    guestIdles: (id: string) => until('the guest idles', async () => (await consoleOf(machines, id)).includes(idles)),
    async kill(id: string) {
      process.kill(await pidOf(folder, id), 'SIGKILL')
      await until('the process is gone', async () => (await machines.state(id)).kind !== 'running')
    },
    async reopen() {
      await machines.close()
      machines = await openIn(folder)
      return machines
    },
  }
}

machinesContract('machines of QEMU', openHere, withQemu)
