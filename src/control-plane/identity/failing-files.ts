import type { Files, OpenFile } from '#foundation/files.ts'

/** A power cut, for tests. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

/** Files whose power is cut at their `nth` change, counted from 1; a write that is cut leaves half of its bytes. For tests. */
export const failingFiles = (files: Files, nth: number): Files & { changes(): number } => {
  let changes = 0
  const change = async <T>(work: () => Promise<T>): Promise<T> => {
    changes++
    if (changes >= nth) throw new PowerCut()
    return work()
  }
  const failing = (file: OpenFile): OpenFile => ({
    ...file,
    async write(bytes, position) {
      if (changes + 1 === nth) await file.write(bytes.subarray(0, bytes.length >> 1), position)
      await change(() => file.write(bytes, position))
    },
    sync: () => change(() => file.sync()),
  })
  return {
    ...files,
    changes: () => changes,
    open: async (file, mode) =>
      failing(await (mode === 'read' ? files.open(file, mode) : change(() => files.open(file, mode)))),
    rename: (from, to) => change(() => files.rename(from, to)),
    remove: file => change(() => files.remove(file)),
    syncDirectory: folder => change(() => files.syncDirectory(folder)),
  }
}
