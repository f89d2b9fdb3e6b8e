import type { Clock } from '#foundation/clock.ts'
import { connectJsonLines, type JsonLines, LineSilent, within } from './json-lines.ts'

/** QEMU refused a command. */
export class QmpRefused extends Error {
  override readonly name = 'QmpRefused'
  readonly command: string
  constructor(command: string, description: string) {
    super(`QEMU refused ${command}: ${description}`)
    this.command = command
  }
}

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

const usualTimeoutMs = 30_000
/** `query-named-block-nodes` of 64 disks is some 200 KiB. */
const maxLineBytes = 8 * 2 ** 20
const mostEvents = 1000

interface Waiting {
  readonly command: string
  settle(answer: Record<string, unknown> | Error): void
}

/**
 * A conversation with QEMU's machine protocol (docs/interop/qmp-spec.txt of QEMU). QEMU talks to one client at a time and lets the
 * next one wait, so keep it short.
 */
export class Qmp {
  readonly #clock: Clock
  #lines!: JsonLines
  #nextId = 1
  readonly #waiting = new Map<number, Waiting>()
  readonly #events: QmpEvent[] = []
  #heard: () => void = () => {}
  #end: Error | undefined

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws `LineSilent` when nobody is there, or somebody else keeps QEMU busy for longer than `connectMs`. */
  static async connect(socketFile: string, clock: Clock, connectMs = usualTimeoutMs): Promise<Qmp> {
    const qmp = new Qmp(clock)
    let greet: (greeting: 'hello') => void = () => {}
    const greeted = new Promise<'hello'>(resolve => {
      greet = resolve
    })
    qmp.#lines = await connectJsonLines(socketFile, {
      clock,
      connectMs,
      maxLineBytes,
      onMessage: message => (message.QMP ? greet('hello') : qmp.#hear(message)),
    })
    void qmp.#lines.ended.then(error => qmp.#endBy(error))
    const first = await within(clock, connectMs, Promise.race([greeted, qmp.#lines.ended]))
    if (first !== 'hello') {
      qmp.close()
      throw new LineSilent('QEMU does not answer.', { cause: first })
    }
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  /** What QEMU answers. Throws `QmpRefused` with its own words, `LineSilent` if it ends or takes too long. */
  async execute<T = unknown>(command: string, args?: object, timeoutMs = usualTimeoutMs): Promise<T> {
    if (this.#end) throw this.#end
    const id = this.#nextId++
    const answered = new Promise<Record<string, unknown> | Error>(settle => {
      this.#waiting.set(id, { command, settle })
    })
    this.#lines.send({ execute: command, ...(args && { arguments: args }), id })
    const answer = await within(this.#clock, timeoutMs, answered)
    this.#waiting.delete(id)
    if (!answer) throw new LineSilent(`QEMU does not answer ${command}.`)
    if (answer instanceof Error) throw answer
    if ('error' in answer) throw new QmpRefused(command, (answer.error as { desc?: string })?.desc ?? 'no reason given')
    return answer.return as T
  }

  /** The first event that is wanted, of those that came since we are connected. Throws `LineSilent`. */
  async event(isWanted: (event: QmpEvent) => boolean, timeoutMs: number, signal?: AbortSignal): Promise<QmpEvent> {
    const untilMs = this.#clock.now().getTime() + timeoutMs
    for (;;) {
      const found = this.#events.findIndex(isWanted)
      if (found >= 0) return this.#events.splice(found, 1)[0]!
      if (this.#end) throw this.#end
      const leftMs = untilMs - this.#clock.now().getTime()
      if (leftMs <= 0 || signal?.aborted) throw new LineSilent('QEMU did not tell what was waited for.')
      const heard = new Promise<void>(resolve => {
        this.#heard = resolve
        signal?.addEventListener('abort', () => resolve(), { once: true })
      })
      await within(this.#clock, leftMs, heard)
    }
  }

  close(): void {
    this.#endBy(new LineSilent('The conversation with QEMU was ended.'))
    this.#lines.close()
  }

  #hear(message: Record<string, unknown>): void {
    if (typeof message.event === 'string') {
      this.#events.push({ event: message.event, data: (message.data ?? {}) as QmpEvent['data'] })
      if (this.#events.length > mostEvents) this.#events.shift()
      this.#heard()
    } else this.#waiting.get(message.id as number)?.settle(message)
  }

  #endBy(error: Error): void {
    this.#end ??= error
    for (const { settle } of this.#waiting.values()) settle(error)
    this.#heard()
  }
}
