import { element } from '#data-plane/xml/write-xml.ts'
import type { MachineIdentity } from '../machines.ts'

/** In Azure's own namespace. */
const own = (name: string, content: string | readonly string[]) => element(`wa:${name}`, content)

const publicKeys = (keys: NonNullable<MachineIdentity['login']>['publicKeys']) => {
  if (keys.length === 0) return ''
  const each = keys.map(key =>
    // Azure names a certificate's fingerprint too; a key that is written out has none, and both agents then take its value.
    own('PublicKey', [own('Path', key.path), own('Value', key.keyData.trim())]),
  )
  return own('SSH', [own('PublicKeys', each)])
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
    own('ConfigurationSetType', 'LinuxProvisioningConfiguration'),
    own('HostName', identity.hostname),
    own('UserName', login.adminUsername),
    ...(password === undefined ? [] : [own('UserPassword', password)]),
    own('DisableSshPasswordAuthentication', String(login.disablePasswordAuthentication)),
    publicKeys(login.publicKeys),
    ...(customData && customData.length > 0 ? [own('CustomData', Buffer.from(customData).toString('base64'))] : []),
  ]
  const platform = [own('ProvisionGuestAgent', 'true'), own('PreprovisionedVm', 'false')]
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<ns0:Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1" ',
    'xmlns:wa="http://schemas.microsoft.com/windowsazure" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">',
    own('ProvisioningSection', [own('Version', '1.0'), own('LinuxProvisioningConfigurationSet', linux)]),
    own('PlatformSettingsSection', [own('Version', '1.0'), own('PlatformSettings', platform)]),
    '</ns0:Environment>',
  ].join('')
}
