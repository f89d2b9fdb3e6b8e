import { createHmac } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Random } from '#foundation/random.ts'
import type { Directory, Known } from './directory.ts'
import type { SecretRow } from './identity-tables.ts'
import { networkOf } from './ip-address.ts'
import type { Lockout, Subject } from './lockout.ts'
import { RecentMap } from './recent-map.ts'
import type { SlowHash } from './slow-hash.ts'

/** Somebody says a name and a secret; `known` is whom the directory has under that name, if anybody. */
export interface Attempt {
  readonly name: string
  readonly secret: string
  readonly known: Known | undefined
  readonly remote: string
}

export type Verdict =
  | { readonly is: 'right' }
  | { readonly is: 'wrong' }
  | { readonly is: 'expired' }
  | { readonly is: 'locked'; readonly until: Date }

export type SecretCheck = (attempt: Attempt) => Promise<Verdict>

export interface SecretCheckParts {
  readonly clock: Clock
  readonly random: Random
  readonly directory: Directory
  readonly slowHash: SlowHash
  readonly lockout: Lockout
}

const rememberMs = 60_000
const familiarMs = 24 * 3600_000
const perName = 10
const perNetwork = 60

/**
 * Checks secrets in the same time for a name that exists and one that doesn't, and counts wrong ones.
 * - A right secret is remembered for a minute under a keyed hash, so that a pipeline that signs in each second pays the slow hash once a
 *   minute; any change of the directory forgets it.
 * - The same attempt sent many times at once is checked, and counted, once.
 * - A network from which a name has signed in lately has a count of its own, so that a stranger's guesses don't lock its owner out
 *   (Azure's smart lockout tells familiar from unfamiliar places likewise).
 */
export const secretCheck = ({ clock, random, directory, slowHash, lockout }: SecretCheckParts): SecretCheck => {
  const key = random.bytes(32)
  const right = new RecentMap<{ revision: number; untilMs: number }>(1000)
  const familiar = new RecentMap<{ untilMs: number }>(10_000)
  const underWay = new Map<string, Promise<Verdict>>()
  const nowMs = () => clock.now().getTime()

  const subjectsOf = (name: string, network: string): [Subject, Subject] => {
    const place = `${name}@${network}`
    const isFamiliar = (familiar.get(place)?.untilMs ?? 0) > nowMs()
    return [
      { key: isFamiliar ? `name:${place}` : `name:${name}`, freeGuesses: perName },
      { key: `network:${network}`, freeGuesses: perNetwork },
    ]
  }

  const check = async ({ secret, known }: Attempt, name: string, network: string): Promise<Verdict> => {
    const subjects = subjectsOf(name, network)
    const until = await lockout.admit(subjects)
    if (until) return { is: 'locked', until }
    const row = await matching(known ? await directory.secretRows(known.principal.objectId) : [], secret)
    if (!row) return { is: 'wrong' }
    await lockout.forgive(subjects)
    familiar.set(`${name}@${network}`, { untilMs: nowMs() + familiarMs })
    return row.expires_at > nowMs() ? { is: 'right' } : { is: 'expired' }
  }

  /** One slow hash in nearly every case: secrets that begin otherwise than the hint are passed over, with a decoy if none is left. */
  const matching = async (rows: SecretRow[], secret: string): Promise<SecretRow | undefined> => {
    const candidates = rows.filter(row => secret.startsWith(row.hint))
    for (const row of candidates) if (await slowHash.matches(secret, row.hash)) return row
    if (candidates.length === 0) await slowHash.matches(secret, undefined)
    return undefined
  }

  return async attempt => {
    const name = attempt.name.toLowerCase().slice(0, 256)
    const network = networkOf(attempt.remote)
    const secret = attempt.secret.slice(0, 1024)
    const revision = directory.revision()
    const print = createHmac('sha256', key)
      .update(JSON.stringify([name, secret]))
      .digest('base64')
    const remembered = right.get(print)
    if (remembered && remembered.revision === revision && remembered.untilMs > nowMs()) return { is: 'right' }

    const same = `${print}@${network}@${attempt.known?.principal.objectId}`
    const pending = underWay.get(same) ?? check({ ...attempt, secret }, name, network)
    underWay.set(same, pending)
    try {
      const verdict = await pending
      if (verdict.is === 'right') right.set(print, { revision, untilMs: nowMs() + rememberMs })
      return verdict
    } finally {
      underWay.delete(same)
    }
  }
}
