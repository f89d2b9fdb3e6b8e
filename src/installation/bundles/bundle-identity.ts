import * as path from 'node:path'
import { type BundleKey, isPublicKey, openBundleKey } from '#data-plane/bundles/signing.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { Random } from '#foundation/random.ts'

/** Who this installation is to others that exchange bundles with it, and whom it trusts. Kept in the data folder. */
export interface BundleIdentity {
  /** Made when it is first wanted. */
  key(): Promise<BundleKey>
  /** The installation's id. */
  id(): Promise<string>
  /** The number of the next bundle. */
  nextSequence(): Promise<number>
  trusted(): Promise<readonly string[]>
  trust(publicKey: string): Promise<void>
}

interface State {
  readonly id: string
  readonly sequence: number
  readonly trusted: readonly string[]
}

export const bundleIdentity = (dataFolder: string, files: Files, random: Random): BundleIdentity => {
  const stateFile = path.join(dataFolder, 'bundles.json')
  const keyFile = path.join(dataFolder, 'bundle.key')
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: two changes at once would lose one. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.catch(() => {}).then(work)
    last = turn
    return turn
  }
  const change = (next: (state: State) => State): Promise<State> =>
    inTurn(async () => {
      const isNew = !(await files.exists(stateFile))
      const state = isNew
        ? { id: random.uuid(), sequence: 0, trusted: [] }
        : (JSON.parse((await readWhole(files, stateFile)).toString()) as State)
      const changed = next(state)
      if (isNew || changed !== state)
        await replaceFile(files, stateFile, Buffer.from(`${JSON.stringify(changed, null, 2)}\n`))
      return changed
    })
  return {
    key: () => inTurn(() => openBundleKey(files, keyFile)),
    id: async () => (await change(state => state)).id,
    nextSequence: async () => (await change(state => ({ ...state, sequence: state.sequence + 1 }))).sequence,
    trusted: async () => (await change(state => state)).trusted.filter(isPublicKey),
    async trust(publicKey) {
      await change(state =>
        state.trusted.includes(publicKey) ? state : { ...state, trusted: [...state.trusted, publicKey] },
      )
    },
  }
}
