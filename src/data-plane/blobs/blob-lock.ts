interface Line {
  readers: number
  writing: boolean
  readonly waiting: { exclusive: boolean; start: () => void }[]
}

/** Work on one key: shared work runs side by side, exclusive work alone; first come, first served. */
export const keyedLock = () => {
  const lines = new Map<string, Line>()

  const wake = (key: string, line: Line) => {
    for (;;) {
      const next = line.waiting[0]
      if (!next) break
      if (line.writing || (next.exclusive && line.readers > 0)) break
      line.waiting.shift()
      if (next.exclusive) line.writing = true
      else line.readers++
      next.start()
    }
    if (!line.writing && line.readers === 0 && line.waiting.length === 0) lines.delete(key)
  }

  const run = async <T>(key: string, exclusive: boolean, work: () => Promise<T>): Promise<T> => {
    const line = lines.get(key) ?? { readers: 0, writing: false, waiting: [] }
    lines.set(key, line)
    await new Promise<void>(start => {
      line.waiting.push({ exclusive, start })
      wake(key, line)
    })
    try {
      return await work()
    } finally {
      if (exclusive) line.writing = false
      else line.readers--
      wake(key, line)
    }
  }

  return {
    shared: <T>(key: string, work: () => Promise<T>) => run(key, false, work),
    exclusive: <T>(key: string, work: () => Promise<T>) => run(key, true, work),
  }
}
export type KeyedLock = ReturnType<typeof keyedLock>
