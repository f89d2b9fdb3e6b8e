import type { MachineIdentity } from '../machines.ts'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' }

const element = (name: string, content: string) => `<wa:${name}>${content}</wa:${name}>`
const text = (name: string, value: string) =>
  element(
    name,
    value.replace(/[&<>\r]/g, char => entities[char] ?? char),
  )

const publicKeys = (keys: NonNullable<MachineIdentity['login']>['publicKeys']) => {
  if (keys.length === 0) return ''
  const each = keys.map(key =>
    // Azure names a certificate's fingerprint too; a key that is written out has none, and both agents then take its value.
    element('PublicKey', text('Path', key.path) + text('Value', key.keyData.trim())),
  )
  return element('SSH', element('PublicKeys', each.join('')))
}

/**
 * `ovf-env.xml` as Azure writes it on the provisioning disc of a Linux machine: what cloud-init's Azure data source and the Azure
 * Linux agent read. `undefined` for a machine that is not provisioned. The password stands in it as it is, as on Azure, unless
 * `withPassword` is false.
 */
export const ovfEnv = (identity: MachineIdentity, withPassword: boolean): string | undefined => {
  const { login, customData } = identity
  if (!login) return undefined
  const password = withPassword ? login.adminPassword : undefined
  const linux = [
    text('ConfigurationSetType', 'LinuxProvisioningConfiguration'),
    text('HostName', identity.hostname),
    text('UserName', login.adminUsername),
    ...(password === undefined ? [] : [text('UserPassword', password)]),
    text('DisableSshPasswordAuthentication', String(login.disablePasswordAuthentication)),
    publicKeys(login.publicKeys),
    ...(customData && customData.length > 0 ? [text('CustomData', Buffer.from(customData).toString('base64'))] : []),
  ]
  const platform = [text('ProvisionGuestAgent', 'true'), text('PreprovisionedVm', 'false')]
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<ns0:Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1" ',
    'xmlns:wa="http://schemas.microsoft.com/windowsazure" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">',
    element(
      'ProvisioningSection',
      text('Version', '1.0') + element('LinuxProvisioningConfigurationSet', linux.join('')),
    ),
    element('PlatformSettingsSection', text('Version', '1.0') + element('PlatformSettings', platform.join(''))),
    '</ns0:Environment>',
  ].join('')
}
