/** When a store takes over from another one: what is worth a link, and how much may have to be sent again. */
export interface CopyLimits {
  /** A growing pack of so many bytes is finished for who wants it; a smaller one is sooner sent than it is joined with others. */
  readonly leastBytes: number
  /** A pack of which a smaller part is wanted would mostly be dead there, and that part is sooner sent than it is rewritten. */
  readonly leastShare: number
  /** So many bytes are made durable at a time while more arrive. */
  readonly batchBytes: number
}

export const defaultCopyLimits: CopyLimits = {
  leastBytes: 1024 * 1024,
  leastShare: 0.75,
  batchBytes: 8 * 1024 * 1024,
}
