import type { MachineDisk } from './machines.ts'
import type { OriginPlace } from './origins.ts'
import { diskDevice, diskNodes, nodesOf, originNodes, overlayNode, type PlacedDisk } from './qemu-arguments.ts'
import type { Qmp } from './qmp.ts'

const unplugMs = 30_000

const nodeNames = async (qmp: Qmp): Promise<Set<string>> => {
  const nodes = await qmp.execute<{ readonly 'node-name'?: string }[]>('query-named-block-nodes', { flat: true })
  return new Set(nodes.map(node => node['node-name'] ?? ''))
}

/** QEMU tells of a device by its name, or by the path to the part of it that is the disk. */
const deviceNames = async (qmp: Qmp): Promise<Set<string>> => {
  const blocks = await qmp.execute<{ readonly qdev?: string }[]>('query-block')
  return new Set(blocks.flatMap(({ qdev = '' }) => qdev.split('/')))
}

/** Which of these disks a running machine has. */
export const pluggedDisks = async (qmp: Qmp, diskIds: readonly string[]): Promise<string[]> => {
  const devices = await deviceNames(qmp)
  return diskIds.filter(id => devices.has(nodesOf(id).device))
}

/** Gives a running machine one disk more. What an interrupted call left is used. */
export const plugDisk = async (qmp: Qmp, placed: PlacedDisk): Promise<void> => {
  await addNodes(qmp, diskNodes(placed))
  const isPlugged = (await pluggedDisks(qmp, [placed.disk.id])).length > 0
  if (!isPlugged) await qmp.execute('device_add', diskDevice(placed.disk))
}

const addNodes = async (qmp: Qmp, nodes: ReturnType<typeof diskNodes>): Promise<void> => {
  const known = await nodeNames(qmp)
  for (const node of nodes) if (!known.has(String(node['node-name']))) await qmp.execute('blockdev-add', node)
}

/** Takes a disk away and closes its files. Throws `LineSilent` if the guest does not let go of it. */
export const unplugDisk = async (qmp: Qmp, diskId: string): Promise<void> => {
  const names = nodesOf(diskId)
  if ((await pluggedDisks(qmp, [diskId])).length > 0) {
    await qmp.execute('device_del', { id: names.device })
    await qmp.event(({ event, data }) => event === 'DEVICE_DELETED' && data.device === names.device, unplugMs)
  }
  const known = await nodeNames(qmp)
  for (const node of [names.overlay, names.overlayFile, names.originRaw, names.originFile, names.originSocket])
    if (known.has(node)) await qmp.execute('blockdev-del', { 'node-name': node })
}

/** Which of these disks a running machine reads through our socket. */
export const hangingDisks = async (qmp: Qmp, diskIds: readonly string[]): Promise<string[]> => {
  const known = await nodeNames(qmp)
  return diskIds.filter(id => known.has(nodesOf(id).originSocket))
}

/** Lets a running machine read the origin of a disk from a local file from now on. The guest does not notice. */
export const moveOrigin = async (
  qmp: Qmp,
  disk: Pick<MachineDisk, 'id' | 'isReadOnly'>,
  place: OriginPlace & { readonly kind: 'file' },
): Promise<void> => {
  const { top, nodes } = originNodes(disk.id, place)
  await addNodes(qmp, nodes)
  await qmp.execute('blockdev-reopen', { options: [overlayNode(disk, top)] })
  await qmp.execute('blockdev-del', { 'node-name': nodesOf(disk.id).originSocket })
}
