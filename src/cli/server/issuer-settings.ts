import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type Config, parseIssuers } from '../../config.ts'
import { usageError } from '../failure.ts'

/** The outside issuers that a file names; without a file of one's own the data folder's counts, which need not be there. */
export const issuersIn = async (given: string | undefined, dataFolder: string): Promise<Config['issuers']> => {
  const file = given ?? path.join(dataFolder, 'issuers.json')
  try {
    return parseIssuers(await fs.readFile(file, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && given === undefined) return []
    throw usageError(code === undefined ? `${file}: ${message}` : message, 'docs/identity.md says what it may have.')
  }
}
