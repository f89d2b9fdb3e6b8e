import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'

/** The SHA-2 sum of a file, in hexadecimal. The file is never in memory as a whole. */
export const fileSum = async (
  file: string,
  algorithm: 'sha256' | 'sha512' = 'sha256',
  signal?: AbortSignal,
): Promise<string> => {
  const hash = createHash(algorithm)
  const handle = await fs.open(file, 'r')
  try {
    for await (const part of handle.createReadStream({ highWaterMark: 2 ** 20, autoClose: false })) {
      signal?.throwIfAborted()
      hash.update(part as Buffer)
    }
  } finally {
    await handle.close()
  }
  return hash.digest('hex')
}
