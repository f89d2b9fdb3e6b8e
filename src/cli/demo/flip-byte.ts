import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { Failure } from '../failure.ts'

/** Damages a store as a failing disk would: one byte of its largest pack, by default in the middle. */
export const flipByte = async (storeFolder: string, share = 0.5): Promise<{ file: string; offset: number }> => {
  const folder = path.join(storeFolder, 'packs')
  const names = (await fs.readdir(folder)).filter(name => name.endsWith('.pack'))
  const packs = await Promise.all(
    names.map(async name => ({ file: path.join(folder, name), size: (await fs.stat(path.join(folder, name))).size })),
  )
  const largest = packs.sort((a, b) => b.size - a.size)[0]
  if (!largest) throw new Failure(`${folder} has no pack to damage.`)
  const offset = Math.floor(largest.size * share)
  await using pack = await fs.open(largest.file, 'r+')
  const byte = Buffer.alloc(1)
  await pack.read(byte, 0, 1, offset)
  byte[0] = (byte[0] ?? 0) ^ 0x40
  await pack.write(byte, 0, 1, offset)
  await pack.sync()
  return { file: largest.file, offset }
}
