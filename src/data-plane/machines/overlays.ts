import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { openQcow2Overlay } from '#data-plane/disks/open-qcow2.ts'
import { openRawFile } from '#data-plane/disks/raw-file.ts'
import { nodeFiles, readWhole, replaceFile } from '#foundation/files.ts'
import type { ChangedBytes } from '#foundation/sparse-bytes.ts'
import { growOverlay, writeEmptyOverlay } from './empty-overlay.ts'
import type { MachineDisk } from './machines.ts'
import type { Unprivileged } from './supervise.ts'

/** A disk's overlay was made over other bytes than it is to be used over now. */
export class OtherOrigin extends Error {
  override readonly name = 'OtherOrigin'
}

/** The folder `disks/`: for each disk what guests wrote to it, and what it was written over. */
export class Overlays {
  readonly #folder: string
  readonly #user: Unprivileged | undefined

  constructor(folder: string, user: Unprivileged | undefined) {
    this.#folder = folder
    this.#user = user
  }

  fileOf(diskId: string): string {
    return path.join(this.#folder, diskId, 'overlay.qcow2')
  }

  /** Makes the overlay if there is none, and grows one that is there. Throws `OtherOrigin`. */
  async prepare({ id, sizeBytes, base }: MachineDisk): Promise<void> {
    const folder = path.join(this.#folder, id)
    await fs.mkdir(folder, { recursive: true, mode: 0o711 })
    const originId = base?.id ?? null
    const known = await this.#originOf(id)
    if (known === undefined) await replaceFile(nodeFiles, path.join(folder, 'disk.json'), json({ originId }))
    else if (known !== originId)
      throw new OtherOrigin(`What was written to disk ${id} was written over ${known ?? 'nothing'}, not ${originId}.`)
    if (await nodeFiles.exists(this.fileOf(id))) await this.#grow(id, sizeBytes)
    else await this.#create(id, sizeBytes)
  }

  async list(): Promise<string[]> {
    const found: string[] = []
    for (const name of await fs.readdir(this.#folder)) if (await nodeFiles.exists(this.fileOf(name))) found.push(name)
    return found
  }

  /** Ids of the bytes that some overlay lies over. */
  async origins(): Promise<Set<string>> {
    const origins = await Promise.all((await fs.readdir(this.#folder)).map(id => this.#originOf(id)))
    return new Set(origins.filter(id => typeof id === 'string'))
  }

  /** What an overlay has that no QEMU has open. Undefined if that is nothing, or there is no overlay. */
  async changes(diskId: string): Promise<ChangedBytes | undefined> {
    if (!(await nodeFiles.exists(this.fileOf(diskId)))) return undefined
    return await changesOf(this.fileOf(diskId))
  }

  async forget(diskId: string): Promise<void> {
    await fs.rm(path.join(this.#folder, diskId), { recursive: true, force: true })
    await nodeFiles.syncDirectory(this.#folder)
  }

  /** An empty overlay for QEMU to write into. */
  async #create(id: string, sizeBytes: number): Promise<void> {
    await createOverlay(this.fileOf(id), sizeBytes, this.#user)
    await nodeFiles.syncDirectory(this.#folder)
  }

  async #grow(id: string, sizeBytes: number): Promise<void> {
    const handle = await fs.open(this.fileOf(id), 'r+')
    try {
      await growOverlay(handle, sizeBytes)
    } finally {
      await handle.close()
    }
  }

  /** Null for a disk over nothing, undefined for an unknown one. */
  async #originOf(id: string): Promise<string | null | undefined> {
    const file = path.join(this.#folder, id, 'disk.json')
    if (!(await nodeFiles.exists(file))) return undefined
    return (JSON.parse((await readWhole(nodeFiles, file)).toString()) as { originId: string | null }).originId
  }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** Makes an overlay that appears under its name when it is whole, and belongs to who runs QEMU. */
export const createOverlay = async (file: string, sizeBytes: number, user: Unprivileged | undefined): Promise<void> => {
  const draft = `${file}.new`
  await fs.rm(draft, { force: true })
  const handle = await fs.open(draft, 'wx+', 0o600)
  try {
    await writeEmptyOverlay(handle, sizeBytes)
    if (user) await handle.chown(user.uid, user.gid)
  } finally {
    await handle.close()
  }
  await fs.rename(draft, file)
  await nodeFiles.syncDirectory(path.dirname(file))
}

/** What an overlay has changed; undefined if nothing. Its file may be removed once this has resolved. */
export const changesOf = async (file: string): Promise<ChangedBytes | undefined> => {
  const changes = await openQcow2Overlay(await openRawFile(file))
  for await (const _ of changes?.changes() ?? []) return changes
  await changes?.close()
  return undefined
}
