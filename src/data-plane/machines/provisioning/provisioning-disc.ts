import type { MachineIdentity } from '../machines.ts'
import { iso9660 } from './iso9660.ts'
import { ovfEnv } from './ovf-env.ts'

/**
 * Not `cidata`: cloud-init asks NoCloud before Azure wherever an image permits both, and would take this disc for a seed of its
 * own. Images without the Azure data source get theirs over the network, see `seed.ts`.
 */
const label = 'provisioning'

/**
 * The disc that a new machine finds in its drive, or `undefined` for one that is not provisioned. With a password it holds a
 * secret: the file must be readable by QEMU's user alone, and is replaced by the disc `'without password'` once the guest is ready.
 * The custom data stays, because cloud-init reads it again at each start.
 */
export const provisioningDisc = (
  identity: MachineIdentity,
  secrets: 'with password' | 'without password',
  madeAt: Date,
): Buffer | undefined => {
  const environment = ovfEnv(identity, secrets === 'with password')
  if (environment === undefined) return undefined
  return iso9660(label, [{ name: 'ovf-env.xml', content: Buffer.from(environment) }], madeAt)
}
