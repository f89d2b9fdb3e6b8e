import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { usageError } from '../failure.ts'

/** A file that is to appear under its name once it is whole: its folder is there, and nothing that must not be replaced. */
export const requireTarget = async (file: string, mayReplace: boolean): Promise<void> => {
  const there = await fs.stat(file).catch(() => undefined)
  if (there && !mayReplace)
    throw usageError(`${file} exists already.`, 'Choose another name, or replace it with --force.')
  // A device or a pipe would itself be replaced, by a file of its name.
  if (there && !there.isFile()) throw usageError(`${file} is not a regular file.`, 'Choose the name of a file.')
  const folder = path.dirname(path.resolve(file))
  if (!(await fs.stat(folder).catch(() => undefined))?.isDirectory()) throw usageError(`There is no folder ${folder}.`)
}
