/** A disk file that is damaged, or made to reach what it must not: other files, the network, all memory. Never decoded. */
export class HostileDisk extends Error {
  override readonly name = 'HostileDisk'
  readonly reason: string
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
  }
}

/** A disk file that may be sound, but that this program does not read as it is; the reason says what to do. */
export class UnsupportedDisk extends Error {
  override readonly name = 'UnsupportedDisk'
  readonly reason: string
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
  }
}

/** A program that is needed for this format is not installed. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing'
  readonly tool: string
  readonly hint: string
  constructor(tool: string, hint: string) {
    super(`${tool} is not installed: ${hint}.`)
    this.tool = tool
    this.hint = hint
  }
}
