import type { Clock } from '#foundation/clock.ts'
import { connectJsonLines, type JsonLines, LineSilent, within } from './json-lines.ts'

/** Output of scripts is cut in the guest; base64 and JSON around it. */
const maxLineBytes = 256 * 1024
const maxOutputBytes = 4096
const syncMs = 3000
const answerMs = 30_000
const pollMs = 250

/** A conversation with the agent in a guest (docs/interop/qemu-ga-ref of QEMU). The guest is not trusted: what it says is bounded and checked. */
export class GuestAgent {
  readonly #clock: Clock
  #lines!: JsonLines
  #heard: (message: Record<string, unknown>) => void = () => {}

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws `LineSilent` when nobody answers. `token` marks this conversation: answers to an earlier one may still be on their way. */
  static async connect(socketFile: string, token: number, clock: Clock): Promise<GuestAgent> {
    const agent = new GuestAgent(clock)
    agent.#lines = await connectJsonLines(socketFile, {
      clock,
      connectMs: syncMs,
      maxLineBytes,
      onMessage: message => agent.#heard(message),
    })
    const synced = new Promise<'synced'>(resolve => {
      agent.#heard = message => {
        if (message.return === token) resolve('synced')
      }
    })
    agent.#lines.send({ execute: 'guest-sync', arguments: { id: token } })
    if ((await within(clock, syncMs, Promise.race([synced, agent.#lines.ended]))) === 'synced') return agent
    agent.close()
    throw new LineSilent('The guest agent does not answer.')
  }

  async execute<T>(command: string, args?: object, timeoutMs = answerMs): Promise<T> {
    const answered = new Promise<Record<string, unknown>>(resolve => {
      this.#heard = resolve
    })
    this.#lines.send({ execute: command, ...(args && { arguments: args }) })
    const answer = await within(this.#clock, timeoutMs, Promise.race([answered, this.#lines.ended]))
    if (!answer || answer instanceof Error)
      throw answer ?? new LineSilent(`The guest agent does not answer ${command}.`)
    if ('error' in answer) throw new Error(`The guest agent refused ${command}: ${JSON.stringify(answer.error)}`)
    return answer.return as T
  }

  /** Runs a shell script as root and cuts its output to its end. Ended after `timeoutMs`, as `timeout` does it: 124 then, or 143. */
  async runScript(script: string, timeoutMs: number): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const { pid } = await this.execute<{ pid: number }>('guest-exec', {
      path: '/bin/sh',
      arg: ['-c', inGuest, 'run-script', String(Math.ceil(timeoutMs / 1000))],
      'input-data': Buffer.from(script).toString('base64'),
      'capture-output': true,
    })
    const untilMs = this.#clock.now().getTime() + timeoutMs + answerMs
    for (;;) {
      const status = await this.execute<ExecStatus>('guest-exec-status', { pid })
      if (status.exited) return outcomeOf(status)
      if (this.#clock.now().getTime() > untilMs) throw new LineSilent('The guest did not end the script in time.')
      await this.#clock.sleep(pollMs)
    }
  }

  /** Asks the guest to switch itself off. It gives no answer. */
  async shutdown(): Promise<void> {
    this.#lines.send({ execute: 'guest-shutdown', arguments: { mode: 'powerdown' } })
    await this.#clock.sleep(pollMs)
  }

  close(): void {
    this.#lines.close()
  }
}

interface ExecStatus {
  readonly exited: boolean
  readonly exitcode?: number
  readonly signal?: number
  readonly 'out-data'?: string
  readonly 'err-data'?: string
}

const outcomeOf = (status: ExecStatus) => ({
  exitCode: status.exitcode ?? 128 + (status.signal ?? 0),
  stdout: textOf(status['out-data']),
  stderr: textOf(status['err-data']),
})

const textOf = (base64 = ''): string => Buffer.from(base64, 'base64').subarray(-maxOutputBytes).toString()

/** The script comes by standard input, for a command line has a limit. `timeout` is part of coreutils and of busybox. */
const inGuest = `d=$(mktemp -d) || exit 125
cat >"$d/script"
timeout "$1" /bin/sh "$d/script" >"$d/out" 2>"$d/err" </dev/null
code=$?
tail -c ${maxOutputBytes} "$d/out"
tail -c ${maxOutputBytes} "$d/err" >&2
rm -rf "$d"
exit $code`
