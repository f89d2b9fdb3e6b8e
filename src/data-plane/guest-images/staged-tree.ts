import * as fs from 'node:fs/promises'
import * as path from 'node:path'

/** What one name in a file system to be made is. All is owned by root. */
export type Entry =
  | { readonly kind: 'folder'; readonly mode: number }
  | { readonly kind: 'file'; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly target: string }

/**
 * A file system before it is written: absolute paths and what is there. Nothing of it exists on this machine, so no link of it
 * can lead anywhere here, and modes and owners need no right.
 */
export class StagedTree {
  readonly #entries = new Map<string, Entry>()

  folder(place: string, mode = 0o755): void {
    this.#above(place)
    this.#entries.set(place, { kind: 'folder', mode })
  }
  file(place: string, content: Uint8Array | string, mode = 0o644): void {
    this.#above(place)
    this.#entries.set(place, { kind: 'file', mode, content: Buffer.from(content) })
  }
  link(place: string, target: string): void {
    this.#above(place)
    this.#entries.set(place, { kind: 'link', target })
  }
  #above(place: string): void {
    const above = path.posix.dirname(place)
    if (above !== '/' && !this.#entries.has(above)) this.folder(above)
  }
  has(place: string): boolean {
    return this.#entries.has(place)
  }
  /** The file at a place, through the links of the tree itself. */
  async copy(from: string, place: string, mode?: number): Promise<void> {
    const content = await fs.readFile(from)
    this.file(place, content, mode ?? ((await fs.stat(from)).mode & 0o111 ? 0o755 : 0o644))
  }
  /** In an order in which each can be made: folders before what is in them. */
  entries(): readonly (readonly [string, Entry])[] {
    return [...this.#entries].sort(([one], [other]) => (one < other ? -1 : 1))
  }
}
