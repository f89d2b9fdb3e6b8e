import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { findProcess, signalProcess } from '#data-plane/machines/machine-process.ts'
import { systemClock } from '#foundation/clock.ts'
import { type Az, loggedIn, needsAz } from '../scenarios/az.ts'
import { type RunningServer, startServer } from '../scenarios/running-server.ts'
import { tinyImage, withTinyImage } from '../support/tiny-image.ts'

export const run = promisify(execFile)

const root = path.join(import.meta.dirname, '../..')

/** For the options of a test: with an image that boots, and somebody who asks for machines. Emulated on a busy machine, that takes its time. */
export const withAzAndTinyImage = { ...needsAz, ...withTinyImage, timeout: 1_800_000 }

/** A fresh server whose `Ubuntu2204` is the tiny image, and an az that is logged in to it. Its machines end with it. `args` are those of `start`. */
export const machinesServer = async (
  t: TestContext,
  args: readonly string[] = [],
): Promise<{ server: RunningServer; az: Az }> => {
  const image = await tinyImage()
  const endings: (() => unknown)[] = []
  const server = await startServer({ after: end => void endings.push(end as () => unknown) }, { args })
  t.after(async () => {
    await server.kill() // nobody starts them again
    await endMachines(path.join(server.dataFolder, 'machines/guests'))
    for (const end of endings) await end()
  })
  const urn = 'Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202611010'
  const words = ['catalog', 'add', image, '--urn', urn, '--alias', 'Ubuntu2204', '--generation', 'V2', '--force']
  await run(process.execPath, [path.join(root, 'bin/opengallery.mjs'), ...words, '--data', server.dataFolder])
  return { server, az: await loggedIn(server) }
}

const endMachines = async (folder: string): Promise<void> => {
  for (const id of await fs.readdir(folder)) {
    const found = await findProcess(id, path.join(folder, id, 'run'))
    if (found) await signalProcess(id, found, 'SIGKILL')
  }
}

/** Runs a command in a guest; its host key is taken as it is. Tried again while nobody answers. */
export const inGuest = async (server: RunningServer, address: string, command: string): Promise<string> => {
  const key = path.join(server.folder, '.ssh/id_rsa')
  const quiet = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=20']
  const options = ['-i', key, ...quiet.flatMap(option => ['-o', option])]
  for (let tries = 0; ; tries++) {
    try {
      return (await run('ssh', [...options, `azureuser@${address}`, command])).stdout.trim()
    } catch (error) {
      if ((error as { code?: unknown }).code !== 255 || tries === 20) throw error
      await systemClock.sleep(2000)
    }
  }
}

/** The address at which a machine is reached. */
export const addressOf = async (az: Az, group: string, name: string): Promise<string> =>
  await az`vm show -g ${group} -n ${name} --show-details --query publicIps`
