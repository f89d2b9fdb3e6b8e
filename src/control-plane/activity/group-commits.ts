/**
 * One commit for everything that comes while another is being made: many that wait for the disk wait for it together. Each resolves
 * when what it gave is committed; a commit that fails fails for all that were in it.
 */
export const groupCommits = <T>(commit: (items: readonly T[]) => Promise<void>): ((item: T) => Promise<void>) => {
  let waiting: { items: T[]; committed: Promise<void> } | undefined
  let last: Promise<unknown> = Promise.resolve()
  return item => {
    if (waiting) {
      waiting.items.push(item)
      return waiting.committed
    }
    const items = [item]
    const committed = last.then(() => {
      waiting = undefined
      return commit(items)
    })
    last = committed.catch(() => {})
    waiting = { items, committed }
    return committed
  }
}
