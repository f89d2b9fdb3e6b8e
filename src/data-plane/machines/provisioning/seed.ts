import { createHmac } from 'node:crypto'
import type { MachineSpec } from '../machines.ts'
import { managementMac } from '../network/management.ts'
import { firmwareUuid, guestMachineId } from './smbios-arguments.ts'

/**
 * Where the seed of a machine is found on 169.254.169.254. No header protects what NoCloud asks for, so the path can't be guessed: it is
 * told by the firmware alone, whose serial number only a guest's root can read. `secret` stays with this host.
 */
export const seedPath = (secret: Uint8Array, spec: Pick<MachineSpec, 'id' | 'identity'>): string =>
  `/seed/${createHmac('sha256', secret).update(`${spec.id} ${spec.identity.instanceId}`).digest('hex').slice(0, 32)}/`

const boundary = 'part-of-vendor-data'

/** Base64, so that no content can end its part. */
const part = (type: string, content: string) =>
  [
    `--${boundary}`,
    `Content-Type: ${type}; charset="utf-8"`,
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(content).toString('base64'),
    '',
  ].join('\n')

/** The user, as cloud-init's Azure data source would set it up from `ovf-env.xml`. JSON is YAML. */
const cloudConfig = (login: NonNullable<MachineSpec['identity']['login']>, withPassword: boolean) => {
  const password = withPassword && login.adminPassword !== undefined ? { plain_text_passwd: login.adminPassword } : {}
  const user = { name: login.adminUsername, lock_passwd: login.adminPassword === undefined, ...password }
  return `#cloud-config\n${JSON.stringify({ ssh_pwauth: !login.disablePasswordAuthentication, user, users: ['default'] })}\n`
}

/** At each start, before the network's users: private addresses where nothing configured them, and the machine id of this instance. */
const bootHook = (spec: MachineSpec) =>
  [
    '#cloud-boothook',
    '#!/bin/sh',
    ...spec.nics.flatMap(nic => [
      'for nic in /sys/class/net/*; do',
      `  [ "$(cat "$nic/address")" = ${nic.mac.toLowerCase()} ] || continue`,
      `  ip -4 addr show dev "\${nic##*/}" | grep -q inet && continue`,
      `  ip link set "\${nic##*/}" up; ip addr add ${nic.privateAddress}/${nic.prefixLength} dev "\${nic##*/}"`,
      'done',
    ]),
    `id=${guestMachineId(spec.identity.instanceId)}`,
    '[ -s /etc/machine-id ] && [ "$(cat /etc/machine-id)" != $id ] && echo $id >/etc/machine-id',
    '[ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ] && echo $id >/var/lib/dbus/machine-id',
    'exit 0',
    '',
  ].join('\n')

/** Once, at the end: what an agent on Azure reports. Python is there wherever cloud-init is. */
const reportReady = [
  '#!/bin/sh',
  `exec python3 -c 'import urllib.request as r`,
  'body = b"<Health><Container><RoleInstanceList><Role><Health><State>Ready</State></Health></Role></RoleInstanceList></Container></Health>"',
  `r.urlopen(r.Request("http://168.63.129.16/machine?comp=health", body, {"Content-Type": "text/xml", "x-ms-version": "2012-11-30"}), timeout=30)'`,
  '',
].join('\n')

const networkConfig = (spec: MachineSpec) => {
  const own = spec.nics.map((nic, index) => [
    `eth${index}`,
    {
      match: { macaddress: nic.mac.toLowerCase() },
      'set-name': `eth${index}`,
      addresses: [`${nic.privateAddress}/${nic.prefixLength}`],
    },
  ])
  const name = `eth${spec.nics.length}`
  const management = { match: { macaddress: managementMac(spec.id) }, 'set-name': name, dhcp4: true }
  return { version: 2, ethernets: Object.fromEntries([...own, [name, management]]) }
}

/**
 * What NoCloud asks for below `seedPath`, by name. Custom data is the user data, untouched; ours is vendor data beside it, in parts that
 * a user's cloud-config does not replace. Empty for a machine that is not provisioned.
 */
export const seedFiles = (spec: MachineSpec, withPassword: boolean): ReadonlyMap<string, Uint8Array> => {
  const { identity } = spec
  if (!identity.login) return new Map()
  const metaData = {
    'instance-id': firmwareUuid(identity.instanceId),
    'local-hostname': identity.hostname,
    'public-keys': identity.login.publicKeys.map(key => key.keyData.trim()),
  }
  const vendorData = [
    `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n`,
    part('text/cloud-config', cloudConfig(identity.login, withPassword)),
    part('text/cloud-boothook', bootHook(spec)),
    part('text/x-shellscript', reportReady),
    `--${boundary}--\n`,
  ]
  return new Map<string, Uint8Array>([
    ['meta-data', Buffer.from(JSON.stringify(metaData))],
    ['user-data', identity.customData ?? Buffer.alloc(0)],
    ['vendor-data', Buffer.from(vendorData.join(''))],
    ['network-config', Buffer.from(JSON.stringify(networkConfig(spec)))],
  ])
}
