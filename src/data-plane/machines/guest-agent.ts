import type { Clock } from '#foundation/clock.ts'
import { connectJsonLines, type JsonLines, LineSilent, within } from './json-lines.ts'

/** Output of scripts is cut in the guest; base64 and JSON around it. */
const maxLineBytes = 256 * 1024
/** Answers to an earlier conversation may come before ours. */
const maxTurnBytes = 3 * maxLineBytes
const maxOutputBytes = 4096
const maxReasonChars = 500
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
      maxTurnBytes,
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

  /** What the guest answers, of whatever form. Throws `LineSilent` if it does not. */
  async execute(command: string, args?: object, timeoutMs = answerMs): Promise<unknown> {
    const answered = new Promise<Record<string, unknown>>(resolve => {
      this.#heard = resolve
    })
    this.#lines.send({ execute: command, ...(args && { arguments: args }) })
    const answer = await within(this.#clock, timeoutMs, Promise.race([answered, this.#lines.ended]))
    if (!answer || answer instanceof Error)
      throw answer ?? new LineSilent(`The guest agent does not answer ${command}.`)
    if ('error' in answer)
      throw new Error(`The guest agent refused ${command}: ${JSON.stringify(answer.error).slice(0, maxReasonChars)}`)
    return answer.return
  }

  /** Runs a shell script as root and cuts its output to its end. Ended after `timeoutMs`, as `timeout` does it: 124 then, or 143. */
  async runScript(script: string, timeoutMs: number): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const answer = await this.execute('guest-exec', {
      path: '/bin/sh',
      arg: ['-c', inGuest, 'run-script', String(Math.ceil(timeoutMs / 1000))],
      'input-data': Buffer.from(script).toString('base64'),
      'capture-output': true,
    })
    const pid = readPid(answer)
    const untilMs = this.#clock.now().getTime() + timeoutMs + answerMs
    for (;;) {
      const outcome = readOutcome(await this.execute('guest-exec-status', { pid }))
      if (outcome) return outcome
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

const membersOf = (answer: unknown): Readonly<Record<string, unknown>> => {
  if (typeof answer !== 'object' || answer === null) throw nonsense()
  return answer as Readonly<Record<string, unknown>>
}

const readPid = (answer: unknown): number => numberIn(membersOf(answer).pid)

/** Undefined for a script that runs on. */
const readOutcome = (answer: unknown) => {
  const { exited, exitcode, signal = 0, 'out-data': out = '', 'err-data': err = '' } = membersOf(answer)
  if (exited === false) return undefined
  if (exited !== true) throw nonsense()
  return { exitCode: numberIn(exitcode ?? 128 + numberIn(signal)), stdout: textIn(out), stderr: textIn(err) }
}

const numberIn = (value: unknown): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw nonsense()
  return value
}

const textIn = (base64: unknown): string => {
  if (typeof base64 !== 'string') throw nonsense()
  return Buffer.from(base64, 'base64').subarray(-maxOutputBytes).toString()
}

const nonsense = () => new LineSilent('The guest agent answers something else than was asked.')

/** The script comes by standard input, for a command line has a limit. `timeout` is part of coreutils and of busybox. */
const inGuest = `d=$(mktemp -d) || exit 125
cat >"$d/script"
timeout "$1" /bin/sh "$d/script" >"$d/out" 2>"$d/err" </dev/null
code=$?
tail -c ${maxOutputBytes} "$d/out"
tail -c ${maxOutputBytes} "$d/err" >&2
rm -rf "$d"
exit $code`
