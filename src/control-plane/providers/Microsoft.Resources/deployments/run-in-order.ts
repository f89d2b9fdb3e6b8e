import { giveWay } from './give-way.ts'

/**
 * Runs `work` on every item once all that it depends on is done, `most` at a time. After a failure nothing new begins; what runs
 * is waited for. Gives the failures in the order in which they came. When the signal aborts, its reason is thrown at once.
 */
export const runInOrder = async <T>(
  items: readonly T[],
  dependencies: ReadonlyMap<T, ReadonlySet<T>>,
  work: (item: T) => Promise<unknown>,
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
): Promise<readonly unknown[]> => {
  const missing = new Map(items.map(item => [item, dependencies.get(item)?.size ?? 0]))
  const dependents = new Map<T, T[]>(items.map(item => [item, []]))
  for (const [item, others] of dependencies) for (const other of others) dependents.get(other)?.push(item)
  const ready = items.filter(item => missing.get(item) === 0)
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  const aborted = rejectedBy(signal)
  const release = (item: T) => {
    for (const dependent of dependents.get(item) ?? []) {
      const left = (missing.get(dependent) ?? 0) - 1
      missing.set(dependent, left)
      if (left === 0) ready.push(dependent)
    }
  }
  const begin = (item: T) => {
    const run: Promise<void> = work(item)
      .then(
        () => release(item),
        failure => void failures.push(failure),
      )
      .finally(() => void running.delete(run))
    running.add(run)
  }
  for (;;) {
    signal.throwIfAborted()
    while (failures.length === 0 && running.size < most && ready.length > 0) begin(ready.shift() as T)
    if (running.size === 0) return failures
    await Promise.race([...running, aborted])
    await giveWay()
  }
}

const rejectedBy = (signal: AbortSignal): Promise<never> => {
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  aborted.catch(() => undefined) // nobody may be waiting any more
  return aborted
}
