/**
 * Works on items, at most `most` at a time. After a failure, or once the signal says so, none is begun any more; all that were begun have
 * ended when it throws.
 */
export const severalAtOnce = async <T>(
  items: AsyncIterable<T> | Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> => {
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  try {
    for await (const item of items) {
      if (failure || signal?.aborted) break
      const each = work(item)
        .catch(error => {
          failure ??= { error }
        })
        .finally(() => running.delete(each))
      running.add(each)
      if (running.size >= most) await Promise.race(running)
    }
  } finally {
    await Promise.all(running) // none of them rejects; the items themselves may have failed
  }
  if (failure) throw failure.error
  signal?.throwIfAborted()
}
