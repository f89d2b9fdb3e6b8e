import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { TestAnswer, TestArmOptions } from '../../../../../test/support/test-arm.ts'
import {
  COMPUTE,
  GROUP,
  noise,
  ofDisk,
  regions,
  startTestGallery,
  type TestGallery,
  version,
} from '../galleries/test-gallery.ts'
import { machineOf } from './machine-document.ts'

export const MACHINE = `${COMPUTE}/virtualMachines/vm`
const NETWORK = `${GROUP}/providers/Microsoft.Network`
export const NIC = `${NETWORK}/networkInterfaces/nic`
export const SECURITY = `${NETWORK}/networkSecurityGroups/nsg`
export const ADDRESS = `${NETWORK}/publicIPAddresses/ip`

/** What the OS disk of the image holds. */
export const osBytes = noise(1, 4)

const sshString = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** A line that OpenSSH would write. */
export const publicKey = (): string => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  return `ssh-ed25519 ${Buffer.concat([sshString(Buffer.from('ssh-ed25519')), sshString(raw)]).toString('base64')} test`
}

export interface TestMachines extends TestGallery {
  /** Waits until something is so, moving the clock for whoever waits for that. */
  until(isSo: () => Promise<boolean> | boolean): Promise<void>
  /** Puts a machine and has its guest be ready; the final body. */
  made(body?: JsonObject, path?: string): Promise<TestAnswer['body']>
  document(path?: string): Promise<ResourceDocument>
  /** The codes of a machine's statuses. */
  statuses(path?: string): Promise<readonly string[]>
  readonly publicAddress: string
  post(action: string, query?: Record<string, string>, path?: string): Promise<string>
}

/** A gallery with version 1.0.0 in eastus and westus2, and a network interface. */
export const startTestMachines = async (options: TestArmOptions = {}): Promise<TestMachines> => {
  const arm = await startTestGallery(options)
  await arm.done('PUT', version('1.0.0'), ofDisk(await arm.snapshot('os', osBytes), regions('eastus', 'westus2')))
  await arm.done('PUT', SECURITY, securityBody('22'))
  for (const location of ['eastus', 'westeurope'])
    await arm.done('PUT', networkOf(location), {
      location,
      properties: {
        addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
        subnets: [{ name: 'default', properties: { addressPrefix: '10.0.0.0/24' } }],
      },
    })
  await arm.done('PUT', ADDRESS, {
    location: 'eastus',
    sku: { name: 'Standard' },
    properties: { publicIPAllocationMethod: 'Static' },
  })
  const { ipAddress } = (await arm.done('GET', ADDRESS)).properties
  await arm.done('PUT', NIC, nicBody({ publicIPAddress: { id: ADDRESS } }, { networkSecurityGroup: { id: SECURITY } }))
  return { ...arm, ...driving(arm), publicAddress: ipAddress }
}

const networkOf = (location: string) => `${NETWORK}/virtualNetworks/${location}`

/** A group that lets one port in. */
export const securityBody = (port: string): JsonObject => ({
  location: 'eastus',
  properties: {
    securityRules: [
      {
        name: 'in',
        properties: {
          protocol: 'Tcp',
          sourcePortRange: '*',
          destinationPortRange: port,
          sourceAddressPrefix: '*',
          destinationAddressPrefix: '*',
          access: 'Allow',
          priority: 1000,
          direction: 'Inbound',
        },
      },
    ],
  },
})

export const nicBody = (configuration: JsonObject = {}, more: JsonObject = {}, location = 'eastus'): JsonObject => ({
  location,
  properties: {
    ipConfigurations: [
      { name: 'main', properties: { subnet: { id: `${networkOf(location)}/subnets/default` }, ...configuration } },
    ],
    ...more,
  },
})

const key = publicKey()

export const keyFile = (user: string): string => ['', 'home', user, '.ssh', 'authorized_keys'].join('/')

/** The body of a machine as az sends it. */
export const machineBody = (more: JsonObject = {}, top: JsonObject = {}): JsonObject => ({
  location: 'eastus',
  tags: {},
  ...top,
  properties: {
    hardwareProfile: { vmSize: 'Standard_D2s_v5' },
    networkProfile: { networkInterfaces: [{ id: NIC, properties: { deleteOption: null } }] },
    storageProfile: storage(),
    osProfile: osProfile(),
    ...more,
  },
})

export const storage = (more: JsonObject = {}): JsonObject => ({
  osDisk: {
    createOption: 'fromImage',
    name: null,
    caching: 'ReadWrite',
    managedDisk: { storageAccountType: null },
  },
  imageReference: { id: version('1.0.0') },
  ...more,
})

export const osProfile = (more: JsonObject = {}): JsonObject => ({
  computerName: 'vm',
  adminUsername: 'azureuser',
  linuxConfiguration: {
    disablePasswordAuthentication: true,
    ssh: { publicKeys: [{ keyData: key, path: keyFile('azureuser') }] },
  },
  ...more,
})

const driving = (arm: TestGallery) => {
  const document = async (path = MACHINE) =>
    (await arm.arm.resources.find(path.toLowerCase())) ?? assert.fail(`${path} is missing`)
  const until = async (isSo: () => Promise<boolean> | boolean) => {
    for (let turn = 0; !(await isSo()); turn++) {
      assert.ok(turn < 5000, 'It never came to be so.')
      arm.clock.advance(500)
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }
  const settled = (path: string) =>
    until(async () => {
      const found = await arm.arm.resources.find(path.toLowerCase())
      return !found || (await arm.operations.active(found.key)) === undefined
    })
  return {
    document,
    until,
    async made(body: JsonObject = machineBody(), path = MACHINE) {
      const { status, body: first } = await arm.send('PUT', path, body)
      assert.ok(status < 300, `${status} ${JSON.stringify(first)}`)
      const { vmId } = machineOf(await document(path))
      await until(async () => {
        if ((await arm.machines.state(vmId)).kind === 'running') arm.machines.becomeReady(vmId)
        return (await arm.operations.active(path.toLowerCase())) === undefined
      })
      return (await arm.send('GET', path)).body
    },
    async statuses(path = MACHINE) {
      const { body } = await arm.send('GET', path, undefined, { $expand: 'instanceView' })
      return body.properties.instanceView.statuses.map(({ code }: { code: string }) => code)
    },
    async post(action: string, query: Record<string, string> = {}, path = MACHINE) {
      const { status, body } = await arm.send('POST', `${path}/${action}`, {}, query)
      if (status >= 400) return `${status} ${body.error.code}: ${body.error.message}`
      await settled(path)
      return String(status)
    },
  }
}
