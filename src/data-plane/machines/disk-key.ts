import { createHash } from 'node:crypto'

/** A short name of an id of any form, fit for files and for QEMU's nodes. */
export const keyOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 20)
