import { parentPort } from 'node:worker_threads'
import { splitBytes, squeezeRanges, unsqueezeRanges } from './chunk-kernel.ts'
import type { Answer, Task } from './hash-workers.ts'

const run = (task: Task): unknown => {
  if (task.call === 'split') return splitBytes(...task.with)
  if (task.call === 'squeeze') return squeezeRanges(...task.with)
  return unsqueezeRanges(...task.with)
}

parentPort?.on('message', (task: Task) => {
  let answer: Answer
  try {
    answer = { value: run(task) }
  } catch (error) {
    answer = { error }
  }
  parentPort?.postMessage(answer)
})
