import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { FuzzRequest } from '../conformance/fuzz-client.ts'
import type { HttpAnswer } from '../support/test-server.ts'
import { type FuzzCaller, fuzzCallers } from './fuzz-callers.ts'
import { fuzzBlobRequests, fuzzRequests } from './fuzz-requests.ts'
import { MARKER, type MarkedWorld } from './marked-world.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly requests: number
  /** Told now and then how many are done. */
  onProgress?(done: number): void
}

/** So many requests are made from one seed: a run can be repeated from any of them. */
const ROUND = 500
/** Of each round: the unauthorised to ARM, those to the Blob endpoint, the administrator. */
const SHARES = { strangers: 300, blobs: 80 }
const SIDE_BY_SIDE = 4

/** What a failure says, so that it can be repeated. */
export class FuzzFinding extends Error {
  override readonly name = 'FuzzFinding'
}

/**
 * Sends so many requests, made from the seed, to both endpoints, as everybody: nobody is answered with a fault, nobody who may not is
 * shown a marked thing or changes anything, and the server is there at the end. Answers how many there were of each status.
 */
export const runFuzz = async (world: MarkedWorld, { seed, requests, onProgress }: FuzzOptions) => {
  const { server, group, samples } = world.fuzz
  const places = { subscriptionId: server.admin.subscriptionId, group, resources: samples.map(({ path }) => path) }
  const arm = fuzzRequests(places)
  const callers = await fuzzCallers(world.database, server.token, world.makeReader)
  const statuses: Record<string, number> = {}
  const count = (answer: HttpAnswer) => {
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
  }
  for (let round = 0, done = 0; done < requests; round++, done += ROUND) {
    const from = { seed: seed + round, numRuns: SHARES.strangers }
    const before = await world.state()
    const strangers = fc.sample(fc.tuple(arm, fc.constantFrom(...callers)), from)
    await sideBySide(strangers, async ([request, caller]) => {
      const answer = await sent(world, seed + round, 'arm', request, caller)
      check(seed + round, request, caller, answer, () =>
        caller.isReader ? checkReader(answer, request) : checkStranger(answer, request, caller),
      )
      count(answer)
    })
    const nobody: FuzzCaller = { name: 'no signature', authorization: undefined, isKnown: false }
    const blob = fuzzBlobRequests([world.account], world.oldSignatures())
    await sideBySide(fc.sample(blob, { ...from, numRuns: SHARES.blobs }), async request => {
      const { authorization, ...headers } = (request.headers ?? {}) as Record<string, string | undefined>
      const bare = { ...request, headers: headers as Record<string, string> }
      const answer = await sent(world, seed + round, 'blob', bare, {
        ...nobody,
        authorization: authorization || undefined,
      })
      check(seed + round, bare, nobody, answer, () => checkBlobAnswer(answer, request))
      count(answer)
    })
    const after = await world.state()
    if (after !== before) throw new FuzzFinding(`Seed ${seed + round}: somebody who may not has changed something.`)
    const owner: FuzzCaller = { name: 'administrator', authorization: `Bearer ${server.token}`, isKnown: true }
    for (const request of fc.sample(arm, { ...from, numRuns: ROUND - SHARES.strangers - SHARES.blobs })) {
      const answer = await sent(world, seed + round, 'arm', request, owner)
      check(seed + round, request, owner, answer, () => checkArmAnswer(answer, request))
      count(answer)
      // The rest of the round would find nothing.
      if (request.method === 'DELETE' && answer.status < 300 && answer.status !== 204) await world.fuzz.prepare()
    }
    await world.prepare()
    onProgress?.(done + ROUND)
  }
  return statuses
}

const sideBySide = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const left = items.values()
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const item of left) await work(item)
    }),
  )
}

const sent = async (
  world: MarkedWorld,
  seed: number,
  endpoint: 'arm' | 'blob',
  request: FuzzRequest,
  caller: FuzzCaller,
): Promise<HttpAnswer> => {
  try {
    return await world.send(endpoint, request, caller.authorization)
  } catch (cause) {
    throw new FuzzFinding(`${told(seed, request, caller)}\n${cause}`, { cause })
  }
}

const check = (seed: number, request: FuzzRequest, caller: FuzzCaller, answer: HttpAnswer, work: () => void): void => {
  try {
    work()
  } catch (cause) {
    const text = `${answer.status} ${answer.text.slice(0, 500)}`
    throw new FuzzFinding(`${told(seed, request, caller)}\n${text}\n${(cause as Error).message}`, { cause })
  }
}

const told = (seed: number, request: FuzzRequest, { name }: FuzzCaller): string =>
  `Seed ${seed}, as ${name}: ${JSON.stringify({ ...request, body: String(request.body ?? '').slice(0, 2000) })}`

/** What answers without a token by its nature, and tells nobody's affairs. */
const OPEN =
  /^\/+(metadata\/endpoints|aliases\.json|[^/]*\/(oauth2|discovery|(v2\.0\/)?\.well-known)|adfs\/|common\/|opengallery\/boot-diagnostics)/i
const REFUSALS = new Set([401, 403, 404])
/** Said of a request before anybody asks who sends it, or of one that nobody could take for another. */
const MALFORMED = new Set([400, 405, 406, 409, 411, 412, 413, 414, 415, 416, 417, 421, 429, 431])

const checkStranger = (answer: HttpAnswer, request: FuzzRequest, caller: FuzzCaller): void => {
  const { status, text, headers } = answer
  assert.ok(!text.includes(MARKER) && !JSON.stringify(headers).includes(MARKER), 'It shows what is not theirs.')
  assert.ok(status < 500, 'It is a fault.')
  assert.equal(headers['x-fuzz'], undefined)
  if (OPEN.test(request.path) || REFUSALS.has(status)) return
  if (caller.isKnown && MALFORMED.has(status)) return
  // Who is known may see that there is a tenant, and lists without what is not theirs; nothing else.
  assert.ok(caller.isKnown && status < 300 && isRead(request), 'Somebody who may not is answered.')
}

/** Whoever may read may be told; that nothing changed is looked at behind the server's back. */
const checkReader = ({ status, headers }: HttpAnswer, request: FuzzRequest): void => {
  assert.ok(status < 500, 'It is a fault.')
  assert.equal(headers['x-fuzz'], undefined)
  const isWrite = ['PUT', 'PATCH', 'DELETE'].includes(request.method)
  assert.ok(!isWrite || status >= 400, 'Who may only read was let write.')
}

const isRead = ({ method, path }: FuzzRequest): boolean =>
  method === 'GET' || method === 'HEAD' || /microsoft\.resourcegraph|resourcegraph/i.test(path)

const checkArmAnswer = ({ status, json, text, headers }: HttpAnswer, { method, path }: FuzzRequest): void => {
  assert.ok(status >= 200 && status < 500, 'It is a fault.')
  assert.equal(headers['x-fuzz'], undefined)
  if (status < 400 || method === 'HEAD' || OPEN.test(path)) return
  assert.equal(typeof json?.error?.code, 'string', 'There is no code.')
  assert.ok(json.error.message.length > 0 && json.error.message.length < 20_000, text.slice(0, 100))
}

const checkBlobAnswer = ({ status, text }: HttpAnswer, { method }: FuzzRequest): void => {
  assert.ok(!text.includes(MARKER), 'It shows what is not theirs.')
  // 501 says that there is no such operation, of whatever account.
  assert.ok(
    (status >= 400 && status < 500) || status === 501,
    'Somebody without a signature is answered, or it is a fault.',
  )
  if (method !== 'HEAD' && text !== '') assert.match(text, /<Error>|"error"/)
}
