import assert from 'node:assert/strict'
import * as https from 'node:https'
import type { HttpAnswer, TestServer } from '../support/test-server.ts'

/** What a run of a fuzzer is repeated with: `FUZZ_SEED=1 FUZZ_RUNS=100000 node --test test/conformance/fuzz*.test.ts`. */
export const fuzzing = (runs: number) => ({
  seed: Number(process.env.FUZZ_SEED ?? 20_261_123),
  numRuns: Math.ceil(runs * Number(process.env.FUZZ_TIMES ?? 1)),
  endOnFailure: true, // the server remembers: a smaller case would start from another state
})

/** A request as it goes over the wire: nothing is encoded or mended. */
export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface FuzzClient {
  readonly sent: () => number
  /** The answer, after what every answer must be was checked. */
  send(request: FuzzRequest): Promise<HttpAnswer>
  close(): void
}

/** A request that takes longer is a hang, if this process worked all that time, or if nothing came in so long a time. */
const MAX_WORK_MS = 2000
const MAX_WAIT_MS = 30_000

/** Sends requests over kept connections, with the administrator's token unless another is given. `faults` is what the server logged. */
export const fuzzClient = (
  server: Pick<TestServer, 'url' | 'ca' | 'token'>,
  faults: readonly string[],
  check = checkArmAnswer,
): FuzzClient => {
  const agent = new https.Agent({
    ca: server.ca,
    keepAlive: true,
    maxSockets: 4,
    checkServerIdentity: () => undefined, // made-up Host headers would be compared with the certificate
  })
  let sent = 0
  return {
    sent: () => sent,
    async send(request) {
      sent++
      const cpu = process.cpuUsage()
      const startedMs = performance.now()
      const answer = await roundTrip(agent, server, request)
      const { user, system } = process.cpuUsage(cpu)
      const waitedMs = performance.now() - startedMs
      const workedMs = Math.min(waitedMs, (user + system) / 1000)
      assert.ok(workedMs < MAX_WORK_MS && waitedMs < MAX_WAIT_MS, `It took ${Math.round(waitedMs)} ms.`)
      assert.ok(answer.status !== 500, faults.at(-1))
      check(answer, request)
      return answer
    },
    close: () => agent.destroy(),
  }
}

const roundTrip = (
  agent: https.Agent,
  server: Pick<TestServer, 'url' | 'token'>,
  { method, path, headers, body }: FuzzRequest,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    const outgoing = https.request(
      {
        agent,
        hostname,
        port,
        method,
        path,
        headers: {
          authorization: `Bearer ${server.token}`,
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      incoming => {
        const parts: Buffer[] = []
        incoming.on('data', part => parts.push(part as Buffer))
        incoming.on('error', reject)
        incoming.on('end', () => resolve(answerOf(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(parts))))
      },
    )
    outgoing.setTimeout(MAX_WAIT_MS, () => outgoing.destroy(new Error('No answer came.')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })

const answerOf = (status: number, headers: object, body: Buffer): HttpAnswer => {
  const text = body.toString()
  const isJson = /^[[{]/.test(text)
  return { status, headers: headers as Record<string, string>, text, json: isJson ? JSON.parse(text) : undefined }
}

/** Never a 500; a refusal says why in ARM's envelope; what was sent appears in no header but where it belongs. */
const checkArmAnswer = (answer: HttpAnswer, request: FuzzRequest): void => {
  const { status, json, text, headers } = answer
  assert.ok(status >= 200 && status < 500, `${status} ${text}`)
  assert.equal(headers['x-fuzz'], undefined)
  if (status < 400 || request.method === 'HEAD') return
  assert.equal(typeof json?.error?.code, 'string', `${status} ${text}`)
  assert.ok(json.error.message.length > 0 && json.error.message.length < 20_000, text.slice(0, 500))
}
