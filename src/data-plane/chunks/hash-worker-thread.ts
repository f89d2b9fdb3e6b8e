import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { splitBytes, squeezeRanges, unsqueezeRanges } from './chunk-kernel.ts'
import type { Answer, Task } from './hash-workers.ts'

const TASKS_PER_COLLECTION = 4

const run = (task: Task): unknown => {
  if (task.call === 'split') return splitBytes(...task.with)
  if (task.call === 'squeeze') return squeezeRanges(...task.with)
  return unsqueezeRanges(...task.with)
}

const answer = (task: Task): Answer => {
  try {
    return { value: run(task) }
  } catch (error) {
    return { error }
  }
}

/**
 * zlib makes a buffer outside of the heap for every chunk, and V8 lets a hundred megabytes of them pile up in each thread before it
 * looks. So this thread looks itself after every few tasks: with next to nothing alive that takes about a millisecond.
 */
const garbageCollection = (): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

const serve = (port: MessagePort): void => {
  const collectGarbage = garbageCollection()
  let tasks = 0
  port.on('message', (task: Task) => {
    port.postMessage(answer(task))
    if (++tasks % TASKS_PER_COLLECTION === 0) collectGarbage()
  })
}

if (parentPort) serve(parentPort)
