/** A store of disk images that is measured, with one choice of its settings. Each step is a process of its own; costs are seconds. */
export interface Contestant {
  /** The program and its settings: `restic --compression off`. */
  readonly name: string
  readonly program: string
  readonly version: string
  /** Makes an empty store in a folder that is there. */
  begin(store: string): Promise<void>
  publish(store: string, image: string, version: string): Promise<number>
  /** Gives a version back somewhere in the folder, which is there and empty. */
  restore(store: string, image: string, version: string, folder: string): Promise<Restored>
  /** Reads and checks all that the store holds. */
  verify(store: string, versions: readonly string[]): Promise<number>
}

export interface Restored {
  readonly seconds: number
  readonly file: string
}
