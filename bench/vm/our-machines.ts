import { execFile } from 'node:child_process'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Json, Send } from '../http-tools.ts'
import { adminName, azDeployment } from './az-deployment.ts'
import { intervalOf, sshBanner } from './banner.ts'

const run = promisify(execFile)

/** One core and 512 MiB: ten of them fit on small hosts. */
export const size = { name: 'Standard_B1ls', memoryMiB: 512 }

export interface KeyPair {
  readonly file: string
  readonly publicKey: string
}

export interface MadeMachines {
  /** Seconds from the first request until the last of the machines names its SSH server. */
  readonly untilSsh: number
  /** Seconds until the last deployment says that it has succeeded, which is when `az` comes back. */
  readonly untilDeployed: number
  /** Where the first one is. */
  readonly address: string
  readonly id: string
  /** Removes the machines and all that was made for them. */
  remove(): Promise<void>
}

/** Which machines, and who asks for them. */
export interface MachineWish {
  readonly send: Send
  readonly subscriptionId: string
  readonly location: string
  readonly imageId: string
  readonly key: KeyPair
}

let groups = 0

/** As many machines of an image at one time as are asked for, each as `az vm create` makes it, without az's own start. */
export const makeMachines = async (wish: MachineWish, count: number): Promise<MadeMachines> => {
  const { send, location, imageId, key } = wish
  const group = `/subscriptions/${wish.subscriptionId}/resourceGroups/machines-${groups++}`
  await send('PUT', group, { location })
  const names = Array.from({ length: count }, (_, index) => `vm${index}`)
  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  const made = await Promise.all(
    names.map(async name => {
      const deployment = `${group}/providers/Microsoft.Resources/deployments/vm_deploy_${name}`
      const wanted = { name, location, imageId, size: size.name, publicKey: key.publicKey }
      await send('PUT', `${deployment}?api-version=2024-11-01`, azDeployment(wanted, group))
      const failed = new AbortController()
      const deploying = deployed(send, deployment).catch(error => {
        failed.abort(error)
        throw error
      })
      const address = await addressOf(send, `${group}/providers/Microsoft.Network/publicIPAddresses/${name}PublicIP`)
      await sshBanner({ address }, intervalOf(count), failed.signal)
      const untilSsh = seconds()
      await deploying
      return { address, untilSsh, untilDeployed: seconds() }
    }),
  )
  return {
    untilSsh: Math.max(...made.map(({ untilSsh }) => untilSsh)),
    untilDeployed: Math.max(...made.map(({ untilDeployed }) => untilDeployed)),
    address: made[0]?.address ?? '',
    id: `${group}/providers/Microsoft.Compute/virtualMachines/vm0`,
    remove: () => removed(send, group),
  }
}

const deployed = async (send: Send, id: string): Promise<void> => {
  for (;;) {
    const { provisioningState, error } = (await send('GET', `${id}?api-version=2024-11-01`)).body.properties
    if (provisioningState === 'Succeeded') return
    if (provisioningState === 'Failed') throw new Error(JSON.stringify(error))
    await sleep(100)
  }
}

/** An address is given out before the machine begins. */
const addressOf = async (send: Send, id: string): Promise<string> => {
  for (let tries = 0; tries < 600; tries++) {
    const found = await send('GET', `${id}?api-version=2022-01-01`).catch(() => undefined)
    const address: unknown = found?.body.properties.ipAddress
    if (typeof address === 'string') return address
    await sleep(50)
  }
  throw new Error(`${id} got no address.`)
}

const removed = async (send: Send, group: string): Promise<void> => {
  await send('DELETE', `${group}?api-version=2021-04-01`)
  while (await send('GET', group).catch(() => undefined)) await sleep(100)
}

/** Sends a request to a machine and waits until it is as it should be. */
export const settledMachine = async (
  send: Send,
  work: () => Promise<Json>,
  id: string,
  power: string,
): Promise<void> => {
  await work()
  for (;;) {
    const { body } = await send('GET', `${id}?$expand=instanceView`)
    const codes: string[] = body.properties.instanceView.statuses.map(({ code }: { code: string }) => code)
    if (codes.includes(power) && body.properties.provisioningState === 'Succeeded') return
    await sleep(50)
  }
}

export const makeKey = async (folder: string): Promise<KeyPair> => {
  const file = path.join(folder, 'key')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  return { file, publicKey: (await run('cat', [`${file}.pub`])).stdout.trim() }
}

/** What a command says on a machine. */
export const onMachine = async (address: string, key: KeyPair, command: string): Promise<string> => {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=60']
  const login = ['-i', key.file, ...options.flatMap(option => ['-o', option]), `${adminName}@${address}`]
  return (await run('ssh', [...login, command])).stdout.trim()
}
