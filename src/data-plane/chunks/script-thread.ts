import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { ITEM_FIELDS, scriptKernel, totalOf, UNPACK_FIELDS } from './chunk-kernel.ts'
import type { Answer, Task } from './script-threads.ts'

/** As much as one segment of a publish, and many times what one read decodes. */
const BYTES_PER_COLLECTION = 8 * 1024 * 1024

const run = (task: Task): unknown => {
  if (task.call === 'split') return scriptKernel.split(...task.with)
  if (task.call === 'squeeze') return scriptKernel.squeezeRanges(...task.with)
  if (task.call === 'unpack') return scriptKernel.unpack(...task.with)
  return scriptKernel.unsqueezeRanges(...task.with)
}

/** What the task may have made outside of the heap, at most. A split makes nothing there that is large. */
const bytesOf = (task: Task): number => {
  if (task.call === 'split') return 0
  if (task.call === 'unpack') return totalOf(task.with[0], 3, UNPACK_FIELDS) || 0
  return task.call === 'squeeze' ? totalOf(task.with[1], 1, 2) : totalOf(task.with[1], 2, ITEM_FIELDS)
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
 * looks. So this thread looks itself, by the bytes that its tasks worked on: a look costs milliseconds, more than a small task does.
 */
const garbageCollection = (): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

const serve = (port: MessagePort): void => {
  const collectGarbage = garbageCollection()
  let bytes = 0
  port.on('message', (task: Task) => {
    port.postMessage(answer(task))
    bytes += bytesOf(task)
    if (bytes < BYTES_PER_COLLECTION) return
    bytes = 0
    collectGarbage()
  })
}

if (parentPort) serve(parentPort)
