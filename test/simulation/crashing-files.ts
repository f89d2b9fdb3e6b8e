import * as path from 'node:path'
import type { Files, OpenFile } from '#foundation/files.ts'

/** The process or the machine died: no call after it does anything. */
export class Crashed extends Error {
  override readonly name = 'Crashed'
}

interface Write {
  readonly position: number
  readonly bytes: Buffer
}

/** A file: what programs see, what the disk surely has, and what was written since the last sync. */
interface Inode {
  now: Buffer
  durable: Buffer
  unsynced: (Write | { readonly truncate: number })[]
}

interface Folder {
  now: Map<string, Inode>
  durable: Map<string, Inode>
}

/** `kill`: the process dies, what it wrote stays. `power`: un-synced writes and names are lost, kept or torn, as chance has it. */
export type CrashMode = 'kill' | 'power'

const SECTOR = 512

const withWrite = (content: Buffer, change: Inode['unsynced'][number]): Buffer => {
  if ('truncate' in change) {
    const cut = Buffer.alloc(change.truncate)
    content.copy(cut, 0, 0, change.truncate)
    return cut
  }
  const grown = Buffer.alloc(Math.max(content.length, change.position + change.bytes.length))
  content.copy(grown)
  change.bytes.copy(grown, change.position)
  return grown
}

/**
 * A file system in memory that counts calls and dies at the one it is told to, half-way through it. After `reboot` it holds what
 * the next process would find. In a range of calls it can fail like a full or broken disk instead.
 */
export class CrashingDisk {
  readonly #folders = new Map<string, Folder>()
  readonly #chance: () => number
  #crashed = false
  #live = 0
  calls = 0
  /** The call at which to die. */
  dieAt = Infinity
  mode: CrashMode = 'kill'
  /** Calls with these numbers that change the disk fail with this code. */
  failing: { readonly from: number; readonly to: number; readonly code: string } | undefined
  /** What all files together may take: beyond it a write fails with ENOSPC. */
  capacityBytes = Infinity
  /** Told once when the process dies. */
  onDeath: (() => void) | undefined

  constructor(chance: () => number) {
    this.#chance = chance
    this.#folders.set('/', { now: new Map(), durable: new Map() })
  }

  get isDead(): boolean {
    return this.#crashed
  }

  /** Counts the processes that used this disk: what belongs to an earlier one must not work any more. */
  get life(): number {
    return this.#live
  }

  /** The process dies between two calls. */
  die(): void {
    this.#crashed = true
    this.onDeath?.()
  }

  /** A disk of its own with the same state, to look at what a crash would leave at this moment. */
  copy(): CrashingDisk {
    const copy = new CrashingDisk(this.#chance)
    copy.mode = this.mode
    copy.capacityBytes = this.capacityBytes
    const inodes = new Map<Inode, Inode>()
    const copyOf = (inode: Inode) => {
      const known = inodes.get(inode) ?? { ...inode, unsynced: [...inode.unsynced] }
      inodes.set(inode, known)
      return known
    }
    const names = (all: Map<string, Inode>) => new Map([...all].map(([name, inode]) => [name, copyOf(inode)]))
    for (const [name, { now, durable }] of this.#folders)
      copy.#folders.set(name, { now: names(now), durable: names(durable) })
    return copy
  }

  get usedBytes(): number {
    const inodes = new Set([...this.#folders.values()].flatMap(folder => [...folder.now.values()]))
    return [...inodes].reduce((sum, inode) => sum + inode.now.length, 0)
  }

  /** All files with their sizes, as a program sees them. */
  everything(): Map<string, number> {
    const all = new Map<string, number>()
    for (const [name, folder] of this.#folders)
      for (const [file, inode] of folder.now) all.set(path.join(name, file), inode.now.length)
    return all
  }

  /** Changes bytes behind everybody's back, as a decaying disk does: those that a program sees, and those that it would see after a crash. */
  decay(file: string, change: (content: Buffer) => Buffer): void {
    const name = path.basename(file)
    const { now, durable } = this.#folder(path.dirname(file))
    for (const inode of new Set([now.get(name), durable.get(name)])) {
      if (!inode) continue
      inode.now = change(Buffer.from(inode.now))
      inode.durable = Buffer.from(inode.now)
      inode.unsynced = []
    }
  }

  /** What the disk holds when the machine comes up again. */
  reboot(): void {
    this.#live++ // handles of the dead process are of no use any more
    this.#crashed = false
    this.onDeath = undefined
    this.dieAt = Infinity
    this.failing = undefined
    for (const folder of this.#folders.values()) {
      if (this.mode === 'power') this.#losePower(folder)
      folder.durable = new Map(folder.now)
      for (const inode of folder.now.values()) {
        inode.durable = inode.now
        inode.unsynced = []
      }
    }
  }

  #losePower(folder: Folder): void {
    const names = new Set([...folder.now.keys(), ...folder.durable.keys()])
    for (const name of names) {
      const [now, durable] = [folder.now.get(name), folder.durable.get(name)]
      const survivor = now === durable || this.#chance() < 0.5 ? now : durable
      if (survivor) folder.now.set(name, survivor)
      else folder.now.delete(name)
    }
    for (const inode of new Set(folder.now.values())) {
      let content = inode.durable
      for (const change of inode.unsynced) content = this.#survivingPart(content, change)
      inode.now = content
    }
  }

  /** Some sectors of a write may reach the disk and others not. */
  #survivingPart(content: Buffer, change: Inode['unsynced'][number]): Buffer {
    if ('truncate' in change) return this.#chance() < 0.5 ? withWrite(content, change) : content
    const fate = this.#chance()
    if (fate < 0.3) return content
    if (fate < 0.6) return withWrite(content, change)
    let result = content
    for (let at = 0; at < change.bytes.length; at += SECTOR) {
      if (this.#chance() < 0.5) continue
      result = withWrite(result, { position: change.position + at, bytes: change.bytes.subarray(at, at + SECTOR) })
    }
    return result
  }

  /** Counts a call; true if it is the one that is cut short. */
  #step(life: number, changes: boolean): boolean {
    if (this.#crashed || life !== this.#live) throw new Crashed('The process is dead.')
    this.calls++
    if (this.calls >= this.dieAt) {
      this.die()
      return true
    }
    const { from = Infinity, to = 0, code = '' } = this.failing ?? {}
    if (changes && this.calls >= from && this.calls < to) throw Object.assign(new Error(code), { code })
    return false
  }

  #folder(name: string): Folder {
    const folder = this.#folders.get(name)
    if (!folder) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' })
    return folder
  }

  #inode(file: string): Inode {
    const inode = this.#folder(path.dirname(file)).now.get(path.basename(file))
    if (!inode) throw Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' })
    return inode
  }

  /** Does a change, or, if the process dies in it, perhaps does it. */
  #change(life: number, changes: boolean, work: () => void): void {
    const dies = this.#step(life, changes)
    if (!dies || this.#chance() < 0.5) work()
    if (dies) throw new Crashed('The process died.')
  }

  #look<T>(life: number, work: () => T): T {
    if (this.#step(life, false)) throw new Crashed('The process died.')
    return work()
  }

  /** The file system as one process sees it: of no more use after a reboot. */
  files(): Files {
    const life = this.#live
    return {
      open: async (file, mode) => {
        this.#change(life, mode === 'create', () => mode === 'create' && this.#create(file))
        return this.#openFile(life, this.#inode(file))
      },
      list: async folder =>
        this.#look(life, () => {
          const inside = [...this.#folders.keys()].filter(name => name !== '/' && path.dirname(name) === folder)
          return [...this.#folder(folder).now.keys(), ...inside.map(name => path.basename(name))]
        }),
      exists: async file =>
        this.#look(
          life,
          () =>
            this.#folders.has(file) || (this.#folders.get(path.dirname(file))?.now.has(path.basename(file)) ?? false),
        ),
      // Folders are few, made once, and durable at once here: what is simulated is the loss of files.
      makeFolder: async folder =>
        this.#change(life, true, () => {
          for (let name = folder; name !== '/'; name = path.dirname(name))
            if (!this.#folders.has(name)) this.#folders.set(name, { now: new Map(), durable: new Map() })
        }),
      rename: async (from, to) =>
        this.#change(life, true, () => {
          const inode = this.#inode(from)
          this.#folder(path.dirname(from)).now.delete(path.basename(from))
          this.#folder(path.dirname(to)).now.set(path.basename(to), inode)
        }),
      link: async (file, name) =>
        this.#change(life, true, () => {
          const { now } = this.#folder(path.dirname(name))
          if (now.has(path.basename(name))) throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' })
          now.set(path.basename(name), this.#inode(file))
        }),
      names: async file => {
        const inode = this.#inode(file)
        return [...this.#folders.values()].flatMap(({ now }) => [...now.values()]).filter(each => each === inode).length
      },
      remove: async file =>
        this.#change(life, true, () => void this.#folders.get(path.dirname(file))?.now.delete(path.basename(file))),
      syncDirectory: async folder =>
        this.#change(life, true, () => {
          this.#folder(folder).durable = new Map(this.#folder(folder).now)
        }),
      // Asked without being counted: it changes nothing, and a crash in it is one before the next call.
      space: async () => ({
        freeBytes: Math.max(0, Math.min(this.capacityBytes, Number.MAX_SAFE_INTEGER) - this.usedBytes),
        totalBytes: Math.min(this.capacityBytes, Number.MAX_SAFE_INTEGER),
      }),
    }
  }

  #create(file: string): void {
    const folder = this.#folder(path.dirname(file))
    const name = path.basename(file)
    if (folder.now.has(name)) throw Object.assign(new Error(`EEXIST: ${file}`), { code: 'EEXIST' })
    folder.now.set(name, { now: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] })
  }

  #openFile(life: number, inode: Inode): OpenFile {
    const alter = (change: Inode['unsynced'][number]) => {
      inode.now = withWrite(inode.now, change)
      inode.unsynced.push(change)
    }
    return {
      read: async (target, position) =>
        this.#look(life, () => inode.now.copy(target, 0, position, position + target.length)),
      write: async (given, position) => {
        const dies = this.#step(life, true)
        const grows = position + given.length - inode.now.length
        if (grows > 0 && this.capacityBytes < Infinity && this.usedBytes + grows > this.capacityBytes)
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
        // Half-way through a write a part of it is done, in the order of the bytes.
        const length = dies ? Math.floor(this.#chance() * (given.length + 1)) : given.length
        if (length > 0) alter({ position, bytes: Buffer.from(given.subarray(0, length)) })
        if (dies) throw new Crashed('The process died.')
      },
      sync: async () =>
        this.#change(life, true, () => {
          inode.durable = inode.now
          inode.unsynced = []
        }),
      truncate: async sizeBytes => this.#change(life, true, () => alter({ truncate: sizeBytes })),
      sizeBytes: async () => inode.now.length,
      close: async () => {},
    }
  }
}
