// A process that starts a machine whose image is never copied, says so, and is killed by the test that has started it.

import { machine, sectorBytes } from '#data-plane/machines/machines.contract.ts'
import { readingBootSector } from '#data-plane/machines/test-guest.ts'
import { consoleOf, openIn, until } from '#data-plane/machines/test-machines.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'

const id = '7d2b6c1e-0000-4000-8000-000000000003'
const content = Buffer.alloc(sectorBytes * 2048)
readingBootSector().copy(content)
content.fill('x', sectorBytes, 2 * sectorBytes)

const base = {
  id: 'reads itself',
  open: async () => ({ ...bytesOf(content), writeTo: () => new Promise<void>(() => {}) }),
}
const [, , folder] = process.argv
if (folder === undefined) throw new TypeError('The folder of the machines is to be named.')
const machines = await openIn(folder)
await machines.start(machine(id, [{ id: 'disk', lun: undefined, sizeBytes: content.length, base }]))
await until('the guest reads', async () => (await consoleOf(machines, id)).includes('xxx'))
console.log('it reads')
