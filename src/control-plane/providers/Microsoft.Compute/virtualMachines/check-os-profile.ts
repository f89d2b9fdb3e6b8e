import { armError } from '#arm/arm-error.ts'
import type { HiddenOfMachine, OsProfile, PublicKey } from './machine-document.ts'
import { machineError } from './machine-errors.ts'

// learn.microsoft.com, REST reference of virtual machines, osProfile.adminUsername: disallowed values.
const forbiddenNames = new Set(
  'administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console david guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5'.split(
    ' ',
  ),
)
// The same, osProfile.adminPassword.
const forbiddenPasswords = new Set([
  'abc@123',
  'P@$$w0rd',
  'P@ssw0rd',
  'P@ssword123',
  'Pa$$word',
  'pass@word1',
  'Password!',
  'Password1',
  'Password22',
  'iloveyou!',
])

const maxDataBytes = 65_535

/** A checked OS profile: what is stored for everybody, and what only the guest gets. */
export interface CheckedOsProfile {
  readonly shown: OsProfile
  readonly secrets: Pick<HiddenOfMachine, 'adminPassword' | 'customData'>
}

/** The rules of an OS profile for Linux; `given` has the secrets, which are not stored with the rest. */
export const checkOsProfile = (profile: OsProfile, given: OsProfile, machineName: string): CheckedOsProfile => {
  const { adminUsername, computerName = machineName } = profile
  if (adminUsername === undefined) throw armError.missingProperty('osProfile.adminUsername')
  checkUsername(adminUsername)
  checkHostName(computerName)
  const { linuxConfiguration = {} } = profile
  const publicKeys = (linuxConfiguration.ssh?.publicKeys ?? []).map(key => checkKey(key, adminUsername))
  const disablePasswordAuthentication = linuxConfiguration.disablePasswordAuthentication ?? false
  const password = checkPassword(given.adminPassword, disablePasswordAuthentication, publicKeys.length > 0)
  const customData = given.customData ? requireBase64(given.customData, 'customData') : undefined
  return {
    shown: {
      ...profile,
      computerName,
      adminUsername,
      linuxConfiguration: {
        ...linuxConfiguration,
        disablePasswordAuthentication,
        ...(publicKeys.length > 0 ? { ssh: { publicKeys } } : {}),
        provisionVMAgent: linuxConfiguration.provisionVMAgent ?? true,
      },
      secrets: [],
      allowExtensionOperations: profile.allowExtensionOperations ?? true,
    },
    secrets: {
      ...(password === undefined ? {} : { adminPassword: password }),
      ...(customData === undefined ? {} : { customData }),
    },
  }
}

// Linux names have no upper case and no spaces; Azure says the same sentence to all of it.
const checkUsername = (name: string): void => {
  if (forbiddenNames.has(name.toLowerCase()) || !/^[a-z_][\w-]{0,31}$/i.test(name))
    throw machineError.usernameForbidden()
}

const checkHostName = (name: string): void => {
  if (name.length > 64 || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) throw machineError.hostNameInvalid()
}

const checkPassword = (password: string | undefined, isDisabled: boolean, hasKeys: boolean): string | undefined => {
  if (password === undefined || password === '') {
    if (!isDisabled && !hasKeys) throw armError.missingProperty('osProfile.adminPassword')
    if (!hasKeys) throw machineError.authenticationMissing()
    return undefined
  }
  const kinds = [/[A-Z]/, /[a-z]/, /\d/, /[^A-Za-z0-9]/].filter(kind => kind.test(password)).length
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  const hasControl = /[\u0000-\u001f\u007f]/.test(password)
  if (password.length < 6 || password.length > 72 || kinds < 3 || hasControl) throw machineError.passwordWeak()
  if (forbiddenPasswords.has(password)) throw machineError.passwordForbidden()
  return password
}

const checkKey = ({ path, keyData = '' }: PublicKey, user: string): Required<PublicKey> => {
  const file = `/home/${user}/.ssh/authorized_keys`
  if (path !== undefined && path !== file) throw machineError.keyPathInvalid(user)
  if (!isPublicKey(keyData.trim())) throw machineError.keyInvalid()
  return { path: file, keyData }
}

/** One line of OpenSSH whose blob names the same algorithm; Azure takes RSA from 2048 bits on, and Ed25519. */
const isPublicKey = (line: string): boolean => {
  const [, algorithm, base64 = ''] = /^(ssh-rsa|ssh-ed25519) ([A-Za-z0-9+/]+={0,2})( [^\r\n]*)?$/.exec(line) ?? []
  if (algorithm === undefined) return false
  const blob = Buffer.from(base64, 'base64')
  const length = blob.length > 4 ? blob.readUInt32BE(0) : 0
  if (blob.subarray(4, 4 + length).toString() !== algorithm) return false
  return algorithm === 'ssh-ed25519' ? blob.length === 51 : blob.length >= 4 + 7 + 4 + 1 + 4 + 256
}

/** The text itself, if it is base64 of 64 KiB at most, in lines or not; throws otherwise. */
export const requireBase64 = (text: string, name: 'customData' | 'userData'): string => {
  const digits = text.replaceAll(/\s/g, '')
  const isBase64 = digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits)
  if (!isBase64 || Buffer.byteLength(digits, 'base64') > maxDataBytes) throw machineError.customDataInvalid(name)
  return text
}
