import * as path from 'node:path'
import { nodeFiles, readWhole, replaceFile } from '#foundation/files.ts'
import type { MachineNic, MachineSpec } from './machines.ts'

/** What is kept of a machine on disk. Nothing of it is secret: who provisions it hands that over at each start. */
export interface MachineRecord {
  readonly spec: Omit<MachineSpec, 'identity' | 'disks'> & {
    readonly nics: readonly MachineNic[]
    readonly disks: readonly RecordedDisk[]
  }
  readonly instanceId: string
  readonly startedAt: string
  /** Of the host's system: processes do not outlive it. */
  readonly bootId: string
  /** `stopped` is written before the process is ended, so that its end is no surprise whoever sees it. */
  readonly wanted: 'running' | 'stopped'
}

interface RecordedDisk {
  readonly id: string
  readonly lun: number | undefined
  readonly sizeBytes: number
  readonly isReadOnly: boolean
  readonly originId: string | undefined
}

export const recordOf = (spec: MachineSpec, startedAt: string, bootId: string): MachineRecord => {
  const { id, label, cores, memoryMiB, generation, nics } = spec
  const disks = spec.disks.map(({ id, lun, sizeBytes, isReadOnly = false, base }) => {
    return { id, lun, sizeBytes, isReadOnly, originId: base?.id }
  })
  const kept = { id, label, cores, memoryMiB, generation, nics, disks }
  return { spec: kept, instanceId: spec.identity.instanceId, startedAt, bootId, wanted: 'running' }
}

/** What a file of ours says; undefined if it is not there, or goes at this moment: a machine is forgotten while others look at it. */
export const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return (await readWhole(nodeFiles, file)).toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export const readRecord = async (folder: string): Promise<MachineRecord | undefined> => {
  const text = await readIfThere(path.join(folder, 'machine.json'))
  return text === undefined ? undefined : (JSON.parse(text) as MachineRecord)
}

/** Writes nothing where that is what is kept already. */
export const writeRecord = async (folder: string, record: MachineRecord): Promise<void> => {
  const file = path.join(folder, 'machine.json')
  const text = JSON.stringify(record)
  if ((await readIfThere(file)) !== text) await replaceFile(nodeFiles, file, Buffer.from(text))
}
