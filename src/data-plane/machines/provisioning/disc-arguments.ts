const device = 'provisioning'
const node = 'provisioning-disc'

/**
 * A drive with the provisioning disc in it, on the SCSI controller that is called `scsi`: kernels that are built for clouds know
 * no other drive. `file` is the disc's image.
 */
export const discArguments = (file: string): string[] => [
  '-blockdev',
  JSON.stringify({
    driver: 'raw',
    'node-name': node,
    'read-only': true,
    file: { driver: 'file', filename: file, 'read-only': true },
  }),
  '-device',
  JSON.stringify({ driver: 'scsi-cd', id: device, drive: node, bus: 'scsi.0', channel: 0, 'scsi-id': 1, lun: 0 }),
]

/**
 * What to tell QEMU, over QMP and in this order, so that it lets go of the disc: done once the guest is ready, before the file is
 * replaced. A guest that has ejected the disc itself makes the first one superfluous, not wrong.
 */
export const discRemoval: readonly {
  readonly execute: string
  readonly arguments: Readonly<Record<string, unknown>>
}[] = [
  { execute: 'blockdev-open-tray', arguments: { id: device, force: true } },
  { execute: 'blockdev-remove-medium', arguments: { id: device } },
  { execute: 'blockdev-del', arguments: { 'node-name': node } },
]
