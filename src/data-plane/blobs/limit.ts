/** `max` places; `take` waits for a free one, in the order of asking, and answers with how to give it back. */
export const limit = (max: number) => {
  let taken = 0
  const waiting: (() => void)[] = []
  const giveBack = () => {
    const next = waiting.shift()
    if (next) next()
    else taken--
  }
  const take = async (): Promise<() => void> => {
    if (taken < max) taken++
    else await new Promise<void>(resolve => waiting.push(resolve))
    return giveBack
  }
  return {
    take,
    async run<T>(work: () => Promise<T>): Promise<T> {
      const done = await take()
      try {
        return await work()
      } finally {
        done()
      }
    },
  }
}
