import type { Conversations } from './conversations.ts'
import { keyOf } from './disk-key.ts'
import type { Guests } from './guests.ts'
import { hangingDisks, moveOrigin } from './live-disks.ts'
import type { DiskOrigin, MachineDisk } from './machines.ts'
import type { Origins } from './origins.ts'
import type { Turns } from './turns.ts'

/** Serves the origin of a running machine's disk again, if it hangs on an earlier process of ours, or moves it to the copy on this host. */
export const hangAgain = async (
  { talk, origins }: { readonly talk: Conversations; readonly origins: Origins },
  machineId: string,
  disk: MachineDisk & { readonly base: DiskOrigin },
): Promise<void> => {
  const isHanging = await talk.qmp(machineId, async qmp => (await hangingDisks(qmp, [disk.id])).length > 0)
  const place = isHanging ? await origins.provide(disk.base) : undefined
  if (place?.kind !== 'file') return
  await origins.whileServed(keyOf(disk.base.id), () => talk.qmp(machineId, qmp => moveOrigin(qmp, disk, place)))
}

interface Hands {
  readonly guests: Guests
  readonly talk: Conversations
  readonly turns: Turns
}

/** Whether a running machine waits for an origin that an earlier process of ours has served. */
export const isWaitedFor = async ({ guests, talk }: Hands, originKey: string): Promise<boolean> => {
  for (const { spec } of await guests.running()) {
    const ids = spec.disks.filter(({ originId = '' }) => keyOf(originId) === originKey).map(({ id }) => id)
    if (ids.length > 0 && (await talk.qmp(spec.id, qmp => hangingDisks(qmp, ids))).length > 0) return true
  }
  return false
}

/**
 * The copy of an origin is here: running machines that read it through our socket need us no longer. It must be served while they
 * move: QEMU ends reads that are under way before it turns to the copy.
 */
export const moveToCopy = async ({ guests, talk, turns }: Hands, originKey: string): Promise<void> => {
  const place = { kind: 'file', file: `origins/${originKey}.raw` } as const
  for (const machineId of await guests.list())
    await turns.take(machineId, async () => {
      const record = (await guests.process(machineId)) && (await guests.record(machineId))
      const isOver = ({ originId }: { originId: string | undefined }) =>
        originId !== undefined && keyOf(originId) === originKey
      const disks = record?.spec.disks.filter(isOver) ?? []
      if (disks.length === 0) return
      const ids = disks.map(({ id }) => id)
      await talk.qmp(machineId, async qmp => {
        const hanging = await hangingDisks(qmp, ids)
        for (const disk of disks) if (hanging.includes(disk.id)) await moveOrigin(qmp, disk, place)
      })
    })
}
