/** Why the directory refuses: what was named is not there, is there already, or breaks a rule. */
export type DirectoryFault = 'missing' | 'conflict' | 'invalid'

/** The directory refuses a change; the message is a whole sentence for the person who asked for it. */
export class DirectoryRefused extends Error {
  override readonly name = 'DirectoryRefused'
  readonly fault: DirectoryFault
  constructor(message: string, { fault = 'invalid', cause }: { fault?: DirectoryFault; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}
