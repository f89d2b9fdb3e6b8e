import type { Arm } from '#arm/resource-type.ts'
import type { MachineNic } from '#data-plane/machines/machines.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { refusalOf } from './find-nics.ts'
import { forwardsOf, type SecurityRule } from './forwards.ts'
import type { DescribedNic } from './instance-metadata.ts'
import { nicsOfMachine } from './machine-document.ts'

interface NicProperties {
  readonly macAddress?: string
  readonly ipConfigurations?: readonly { readonly properties?: IpConfiguration }[]
}

interface IpConfiguration {
  readonly primary?: boolean
  readonly privateIPAddress?: string
  readonly subnet?: { readonly id?: string }
  readonly publicIPAddress?: { readonly id?: string }
}

/** A network interface of a machine, with what its subnet and its public address say. */
interface ReadNic {
  readonly id: string
  /** `00:0d:3a:12:34:56` */
  readonly mac: string
  readonly privateAddress: string
  readonly publicAddress?: string
  readonly subnetId: string
  readonly subnet: { readonly address: string; readonly prefixLength: number }
}

/** The network interfaces of a machine as its host sees them, the primary one first. Those that are gone are left out. */
export const hostNics = async (machine: ResourceDocument, arm: Arm): Promise<readonly MachineNic[]> =>
  Promise.all((await readNics(machine, arm)).map(nic => hostNic(nic, arm)))

/** The same as the guest is told of them. */
export const describedNics = async (machine: ResourceDocument, arm: Arm): Promise<readonly DescribedNic[]> =>
  (await readNics(machine, arm)).map(({ mac, privateAddress, publicAddress, subnet }) => ({
    mac,
    addresses: [{ privateAddress, ...(publicAddress === undefined ? {} : { publicAddress }) }],
    subnet,
  }))

const hostNic = async ({ id, mac, privateAddress, publicAddress, subnetId, subnet }: ReadNic, arm: Arm) => ({
  mac,
  // Subnets of one virtual network reach each other.
  network: subnetId.toLowerCase().split('/subnets/', 1)[0] ?? '',
  privateAddress,
  prefixLength: subnet.prefixLength,
  forwards: publicAddress === undefined ? [] : forwardsOf(await effectiveRules(id, arm), publicAddress),
})

const readNics = async (machine: ResourceDocument, arm: Arm): Promise<readonly ReadNic[]> => {
  const primaryFirst = nicsOfMachine(machine).toSorted(
    (a, b) => Number(b.properties?.primary ?? false) - Number(a.properties?.primary ?? false),
  )
  const nics: ReadNic[] = []
  for (const { id = '' } of primaryFirst) {
    const nic = (await read(id, arm)) as NicProperties | undefined
    if (nic) nics.push(await readNic(id, nic, arm))
  }
  return nics
}

/** The properties of another provider's resource; `undefined` for one that is not there. Throws what else was answered. */
const read = async (id: string, arm: Arm): Promise<object | undefined> => {
  const answer = await arm.send({ method: 'GET', path: id, caller: arm.itself, origin: '' })
  if (answer.status === 404) return undefined
  if (answer.status >= 300) throw refusalOf(answer)
  return (answer.body as { properties?: object }).properties
}

const readNic = async (id: string, nic: NicProperties, arm: Arm): Promise<ReadNic> => {
  const all = (nic.ipConfigurations ?? []).map(({ properties = {} }) => properties)
  const main = all.find(({ primary }) => primary) ?? all[0] ?? {}
  const publicAddress = await addressOf(main, arm)
  const subnetId = main.subnet?.id ?? ''
  return {
    id,
    mac: (nic.macAddress ?? '').toLowerCase().replaceAll('-', ':'),
    privateAddress: main.privateIPAddress ?? '',
    ...(publicAddress === undefined ? {} : { publicAddress }),
    subnetId,
    subnet: await subnetOf(subnetId, arm),
  }
}

const addressOf = async ({ publicIPAddress }: IpConfiguration, arm: Arm): Promise<string | undefined> => {
  if (publicIPAddress?.id === undefined) return undefined
  const { ipAddress } = ((await read(publicIPAddress.id, arm)) ?? {}) as { ipAddress?: string }
  return ipAddress
}

const subnetOf = async (id: string, arm: Arm): Promise<ReadNic['subnet']> => {
  const { addressPrefix, addressPrefixes = [] } = ((id === '' ? undefined : await read(id, arm)) ?? {}) as {
    addressPrefix?: string
    addressPrefixes?: readonly string[]
  }
  const [prefix = ''] = [...(addressPrefix === undefined ? [] : [addressPrefix]), ...addressPrefixes]
  const [address = '', bits = '24'] = prefix.split('/')
  return { address, prefixLength: Number(bits) }
}

/** The rules of each network security group in front of a network interface. */
const effectiveRules = async (nic: string, arm: Arm): Promise<readonly (readonly SecurityRule[])[]> => {
  const answer = await arm.complete({
    method: 'POST',
    path: `${nic}/effectiveNetworkSecurityGroups`,
    caller: arm.itself,
    origin: '',
  })
  if (answer.status >= 300) throw refusalOf(answer)
  const { value = [] } = (answer.body ?? {}) as unknown as {
    value?: readonly { readonly effectiveSecurityRules?: readonly SecurityRule[] }[]
  }
  return value.map(({ effectiveSecurityRules = [] }) => effectiveSecurityRules)
}
