import * as fs from 'node:fs/promises'

const partBytes = 4 * 2 ** 20

/** Where two files differ first; `undefined` when every byte is the same. */
export const firstDifference = async (one: string, other: string): Promise<number | undefined> => {
  await using a = await fs.open(one)
  await using b = await fs.open(other)
  const parts = [Buffer.alloc(partBytes), Buffer.alloc(partBytes)] as const
  for (let offset = 0; ; offset += partBytes) {
    const [fromA, fromB] = await Promise.all([
      a.read(parts[0], 0, partBytes, offset),
      b.read(parts[1], 0, partBytes, offset),
    ])
    const [dataA, dataB] = [parts[0].subarray(0, fromA.bytesRead), parts[1].subarray(0, fromB.bytesRead)]
    if (!dataA.equals(dataB)) {
      const at = dataA.findIndex((byte, index) => byte !== dataB[index])
      return offset + (at < 0 ? dataA.length : at)
    }
    if (dataA.length < partBytes) return undefined
  }
}
