import { nodesOf } from './qemu-arguments.ts'
import type { Qmp } from './qmp.ts'

/** Names of what belongs to a capture begin so: what an interrupted one left behind is found by it. */
const prefix = 'capture-'
const nodesFor = (job: string) => ({ target: `c-${job}`.slice(0, 31), targetFile: `cf-${job}`.slice(0, 31) })

interface Job {
  readonly id: string
  readonly status: string
  readonly error?: string
}

/** A name for one capture, short enough for QEMU. */
export const captureName = (random: Buffer): string => `${prefix}${random.toString('hex').slice(0, 16)}`

/**
 * Begins to copy what a running guest has written to a disk, as of this moment, into an empty overlay `file` (relative to QEMU's working
 * directory). What the guest writes meanwhile is not in it.
 */
export const beginCapture = async (qmp: Qmp, diskId: string, file: string, job: string): Promise<void> => {
  const { target, targetFile } = nodesFor(job)
  const { overlay } = nodesOf(diskId)
  await qmp.execute('blockdev-add', { driver: 'file', 'node-name': targetFile, filename: file, discard: 'unmap' })
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': target, file: targetFile, backing: null })
  // It stays until it is dismissed, so that its error can still be asked for.
  const backup = { 'job-id': job, device: overlay, target, sync: 'top', 'auto-dismiss': false }
  await qmp.execute('blockdev-backup', backup)
}

/** Whether the copy is whole. Throws if it failed. */
export const isCaptured = async (qmp: Qmp, job: string): Promise<boolean> => {
  const found = (await qmp.execute<Job[]>('query-jobs')).find(({ id }) => id === job)
  if (!found || found.error)
    throw new Error(`A disk could not be copied while its machine runs: ${found?.error ?? 'gone'}`)
  return found.status === 'concluded'
}

/** Ends one capture, or all that were left behind, and closes their files. */
export const endCaptures = async (qmp: Qmp, isOurs: (job: string) => boolean = () => true): Promise<void> => {
  for (const { id, status } of await qmp.execute<Job[]>('query-jobs')) {
    if (!id.startsWith(prefix) || !isOurs(id)) continue
    if (status !== 'concluded') {
      await qmp.execute('block-job-cancel', { device: id, force: true })
      await qmp.event(
        ({ event, data }) => event === 'JOB_STATUS_CHANGE' && data.id === id && data.status === 'concluded',
        60_000,
      )
    }
    await qmp.execute('job-dismiss', { id })
  }
  const nodes = await qmp.execute<{ readonly 'node-name'?: string }[]>('query-named-block-nodes', { flat: true })
  for (const kind of ['c-', 'cf-'])
    for (const { 'node-name': name = '' } of nodes)
      if (name.startsWith(`${kind}${prefix}`) && isOurs(name.slice(kind.length)))
        await qmp.execute('blockdev-del', { 'node-name': name })
}
