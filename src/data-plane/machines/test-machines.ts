import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import type { MachineParts } from './machine-parts.ts'
import type { Machines } from './machines.ts'
import { openMachines } from './open-machines.ts'

const hasQemu = spawnSync('qemu-system-x86_64', ['--version']).status === 0

/** For tests that need QEMU: they are left out without it, and fail without it where everything must be there. */
export const withQemu = hasQemu || process.env.CI === 'true' ? {} : { skip: 'qemu-system-x86_64 is not installed' }

/** Waits for real: QEMU's clock is not ours. */
export const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (let round = 0; round < 1200; round++) {
    if (await isSo()) return
    await systemClock.sleep(100)
  }
  assert.fail(`It never came to be that ${what}.`)
}

export const consoleOf = async (machines: Machines, id: string): Promise<string> =>
  Buffer.from(await machines.console(id)).toString('latin1')

/** QEMU's machines in a folder, as a process finds them there. */
export const openIn = (folder: string, more: Partial<MachineParts> = {}): Promise<Machines> =>
  openMachines({
    folder,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metadata: async () => undefined,
    limits: { cores: 2, memoryMiB: 128, diskReserveBytes: 0 },
    ...more,
  })

/** A folder for machines, which end with the test. */
export const machinesFolder = async (t: TestContext): Promise<string> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'machines-'))
  t.after(async () => {
    const machines = await openIn(folder)
    for (const id of await machines.list()) await machines.remove(id)
    await machines.close()
    await fs.rm(folder, { recursive: true, maxRetries: 3 })
  })
  return folder
}

export const pidOf = async (folder: string, id: string): Promise<number> =>
  Number(await fs.readFile(path.join(folder, 'guests', id, 'run', 'pid'), 'utf8'))
