import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { openRawFile, writeRawFile } from '#data-plane/disks/raw-file.ts'
import { type NbdServer, serveNbd } from '#data-plane/nbd/serve-nbd.ts'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import type { Log } from '#foundation/log.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { keyOf } from './disk-key.ts'
import { GuestReads } from './guest-reads.ts'
import { within } from './json-lines.ts'
import type { DiskOrigin } from './machines.ts'
import type { Unprivileged } from './supervise.ts'
import { Turns } from './turns.ts'

/** Where QEMU finds the bytes under an overlay, relative to its working directory. */
export type OriginPlace =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'socket'; readonly file: string }

/** Small images are here sooner than QEMU is: so long a start waits for the copy before it begins without. */
const firstWaitMs = 1500
const retryMs = 30_000

interface Coming {
  readonly origin: DiskOrigin
  /** Resolves when the copy is here, never rejects. */
  readonly filled: Promise<void>
  readonly stop: AbortController
  readonly reads: GuestReads
  server: NbdServer | undefined
  serving: Promise<void> | undefined
}

interface OriginParts {
  /** `origins/` in `root`, which is QEMU's working directory. */
  readonly root: string
  readonly user: Unprivileged | undefined
  readonly clock: Clock
  readonly log: Log
  /** Bytes of the disk that copies must leave free. */
  readonly reserveBytes: number
  /** Makes room by removing copies that nobody needs: keys of those that are needed. */
  needed(): Promise<ReadonlySet<string>>
  /** A copy is here: whoever still reads through the socket can turn to the file. Must resolve when nobody does any more. */
  arrived(originKey: string): Promise<void>
}

/**
 * The bytes that disks begin as. Each is copied into a local file once, verified as it is read, for all machines; until that is whole, QEMU reads
 * through a socket of ours, so that the first boot waits for no copy.
 */
export class Origins {
  readonly #parts: OriginParts
  readonly #coming = new Map<string, Coming>()
  readonly #turns = new Turns()

  constructor(parts: OriginParts) {
    this.#parts = parts
  }

  /** Where a disk's origin can be read from now on, here or through the socket. */
  async provide(origin: DiskOrigin): Promise<OriginPlace> {
    const key = keyOf(origin.id)
    if (await this.#isHere(key)) return { kind: 'file', file: `origins/${key}.raw` }
    const coming = this.#coming.get(key) ?? this.#fetch(key, origin)
    const { clock } = this.#parts
    if (!coming.server) await within(clock, firstWaitMs, coming.filled)
    if (await this.#isHere(key)) return { kind: 'file', file: `origins/${key}.raw` }
    coming.serving ??= this.#serve(key, coming).catch(error => {
      coming.serving = undefined // whoever comes next tries again
      throw error
    })
    await coming.serving
    return { kind: 'socket', file: `origins/${key}.sock` }
  }

  /** Keys of all copies that are here. */
  async copies(): Promise<string[]> {
    const names = await fs.readdir(this.#path('.'))
    return names.filter(name => name.endsWith('.raw')).map(name => name.slice(0, -4))
  }

  /** Does something while who waits at the socket of an origin is served from the copy that is here. */
  async whileServed(key: string, work: () => Promise<void>): Promise<void> {
    if (this.#coming.get(key)?.server) return await work()
    await this.#turns.take(key, async () => {
      const server = await this.#listen(key, await openRawFile(this.#path(`${key}.raw`)))
      try {
        await work()
      } finally {
        await server.close()
      }
    })
  }

  /** Lets go of everything: who reads through a socket waits until it is there again. */
  async close(): Promise<void> {
    for (const { stop } of this.#coming.values()) stop.abort(new Error('The host of machines closes.'))
    for (const { filled, server, serving } of this.#coming.values()) {
      await filled
      await serving?.catch(() => {})
      await server?.close()
    }
  }

  #isHere(key: string): Promise<boolean> {
    return nodeFiles.exists(this.#path(`${key}.raw`))
  }

  #path(name: string): string {
    return path.join(this.#parts.root, 'origins', name)
  }

  #fetch(key: string, origin: DiskOrigin): Coming {
    const stop = new AbortController()
    const reads = new GuestReads(this.#parts.clock)
    const filled = this.#fillUntilDone(key, { origin, reads }, stop.signal)
    const coming: Coming = { origin, stop, reads, filled, server: undefined, serving: undefined }
    this.#coming.set(key, coming)
    void filled.then(() => this.#arrive(key, coming))
    return coming
  }

  async #fillUntilDone(key: string, what: Pick<Coming, 'origin' | 'reads'>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    while (!signal.aborted)
      try {
        return await this.#fill(key, what, signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn('A disk image could not be copied to the host; machines read it where it is kept.', { key, error })
        await clock.sleep(retryMs, signal)
      }
  }

  async #fill(key: string, { origin, reads }: Pick<Coming, 'origin' | 'reads'>, signal: AbortSignal): Promise<void> {
    const { user } = this.#parts
    const bytes = reads.behind(await origin.open(), signal)
    const draft = this.#path(`${key}.draft`)
    try {
      let dataBytes = 0
      for await (const { length } of bytes.extents()) dataBytes += length
      await this.#makeRoom(dataBytes)
      await writeRawFile(bytes, draft, { signal })
      await fs.chmod(draft, 0o440)
      if (user) await fs.chown(draft, 0, user.gid)
      await fs.rename(draft, this.#path(`${key}.raw`))
      await nodeFiles.syncDirectory(path.dirname(draft))
    } finally {
      await bytes.close()
    }
  }

  /** Removes copies that no disk needs, those first that were made first, while there is too little room. */
  async #makeRoom(forBytes: number): Promise<void> {
    const { root, reserveBytes, needed } = this.#parts
    const lacking = async () => forBytes + reserveBytes > (await nodeFiles.space(root)).freeBytes
    if (!(await lacking())) return
    const keep = await needed()
    const copies: { file: string; madeMs: number }[] = []
    for (const key of await this.copies()) {
      const file = this.#path(`${key}.raw`)
      if (!keep.has(key)) copies.push({ file, madeMs: (await fs.stat(file)).mtimeMs })
    }
    copies.sort((left, right) => left.madeMs - right.madeMs)
    for (const { file } of copies) {
      await fs.rm(file)
      if (!(await lacking())) return
    }
    throw new Error(`The host's disk has no room for ${forBytes} bytes beside its reserve of ${reserveBytes}.`)
  }

  async #serve(key: string, coming: Coming): Promise<void> {
    coming.server = await this.#listen(key, coming.reads.first(await coming.origin.open()))
  }

  async #listen(key: string, bytes: SparseBytes): Promise<NbdServer> {
    const { clock, log, user } = this.#parts
    const socketFile = this.#path(`${key}.sock`)
    await fs.rm(socketFile, { force: true }) // of a run that ended without notice
    const exports = [{ name: '', description: key, bytes }]
    const server = await serveNbd({ socketFile }, { exports, clock, log, maxConnections: 256 })
    if (user) await fs.chown(socketFile, user.uid, user.gid)
    return server
  }

  async #arrive(key: string, coming: Coming): Promise<void> {
    const { arrived, clock, log } = this.#parts
    while (!coming.stop.signal.aborted)
      try {
        await coming.serving
        await arrived(key)
        this.#coming.delete(key)
        return await coming.server?.close()
      } catch (error) {
        log.warn('Machines still read a disk image where it is kept, though its copy is here.', { key, error })
        await clock.sleep(retryMs, coming.stop.signal) // QEMU may be copying just now what must hold still
      }
  }
}
