import * as path from 'node:path'
import { runCommand } from './run-command.ts'

/** What a step of ours says of itself; the rest depends on the step. */
export interface StepResult {
  readonly seconds: number
  readonly peakMiB: number
  readonly movedBytes: number
  readonly [found: string]: number
}

const program = path.join(import.meta.dirname, 'step.ts')
/** Kept between processes, as bin/opengallery.mjs does. */
const compiled = path.join(import.meta.dirname, '../../node_modules/.cache/opengallery')

/** The most memory that each step of ours has held so far, in MiB. */
export class Peaks {
  readonly #mostMiB = new Map<string, number>()
  readonly env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = env
  }

  /** Runs a step in a process of its own. `label` is what its memory is told under. */
  async step(label: string, ...args: string[]): Promise<StepResult> {
    const said = await runCommand([process.execPath, program, ...args], {
      env: { NODE_COMPILE_CACHE: compiled, ...this.env },
    })
    const result = JSON.parse(said.trim().split('\n').at(-1) ?? '') as StepResult
    this.note(label, result.peakMiB)
    return result
  }

  note(label: string, peakMiB: number): void {
    this.#mostMiB.set(label, Math.max(this.#mostMiB.get(label) ?? 0, peakMiB))
  }

  all(): readonly (readonly [label: string, mostMiB: number])[] {
    return [...this.#mostMiB]
  }
}
