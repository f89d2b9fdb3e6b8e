import type { Clock } from '#foundation/clock.ts'
import { networkOf } from '#identity/ip-address.ts'
import { armError } from './arm-error.ts'
import type { RawRequest } from './raw-request.ts'
import type { ArmRequest, Caller } from './resource-type.ts'

/** A token bucket: `burst` requests at once, then `perSecond`. */
export interface Bucket {
  readonly burst: number
  readonly perSecond: number
}

/** Buckets per principal and subscription, as ARM has them since 2024. */
export interface RateLimits {
  readonly reads: Bucket
  readonly writes: Bucket
  readonly deletes: Bucket
  /** Per address: requests without a good token. */
  readonly strangers: Bucket
}

/** Far above Azure's, so that automation runs at full speed; a runaway loop still meets them. */
export const generousLimits: RateLimits = {
  reads: { burst: 60_000, perSecond: 12_000 },
  writes: { burst: 12_000, perSecond: 2_400 },
  deletes: { burst: 12_000, perSecond: 2_400 },
  strangers: { burst: 600, perSecond: 20 },
}

/** What one principal may do in all its subscriptions together, in multiples of what it may in one: a path can name any number of them. */
const SUBSCRIPTIONS_AT_ONCE = 4
const MAX_TRACKED = 10_000

const kinds = {
  GET: 'reads',
  HEAD: 'reads',
  PUT: 'writes',
  PATCH: 'writes',
  POST: 'writes',
  DELETE: 'deletes',
} as const

/** What is left in the buckets, by name. */
interface Levels {
  /** Tokens now, or the seconds until there is one. */
  look(key: string, bucket: Bucket): { readonly tokens: number; readonly waitSeconds: number }
  take(key: string, bucket: Bucket): void
}

const makeLevels = (clock: Clock): Levels => {
  const levels = new Map<string, { tokens: number; atMs: number }>()
  const tokensOf = (key: string, { burst, perSecond }: Bucket): number => {
    const level = levels.get(key)
    if (!level) return burst
    return Math.min(burst, level.tokens + ((clock.now().getTime() - level.atMs) / 1000) * perSecond)
  }
  /** As the last; the first, which was not used for longest, has had the most time to fill up again. */
  const keep = (key: string, level: { tokens: number; atMs: number }) => {
    levels.delete(key)
    levels.set(key, level)
    if (levels.size > MAX_TRACKED) levels.delete(levels.keys().next().value as string)
  }
  return {
    look(key, bucket) {
      const tokens = tokensOf(key, bucket)
      const level = levels.get(key)
      if (level) keep(key, level) // who is refused goes on being remembered
      return { tokens, waitSeconds: tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / bucket.perSecond)) }
    },
    take(key, bucket) {
      keep(key, { tokens: tokensOf(key, bucket) - 1, atMs: clock.now().getTime() })
    },
  }
}

/** Takes a token for a request and returns the header that tells how many are left; throws `TooManyRequests`. */
export const makeRateLimiter = (limits: RateLimits, clock: Clock) => {
  const levels = makeLevels(clock)
  return (method: ArmRequest['method'], caller: Caller, subscriptionId: string | undefined): Record<string, string> => {
    const kind = kinds[method]
    const bucket = limits[kind]
    const whole = { burst: bucket.burst * SUBSCRIPTIONS_AT_ONCE, perSecond: bucket.perSecond * SUBSCRIPTIONS_AT_ONCE }
    const ofCaller = `${kind} ${caller.objectId}`
    const ofScope = `${ofCaller} ${subscriptionId?.toLowerCase() ?? caller.tenantId}`
    const { tokens, waitSeconds } = levels.look(ofScope, bucket)
    const wait = Math.max(waitSeconds, levels.look(ofCaller, whole).waitSeconds)
    if (wait > 0) throw armError.tooManyRequests(wait)
    levels.take(ofScope, bucket)
    levels.take(ofCaller, whole)
    const scope = subscriptionId ? 'subscription' : 'tenant'
    return { [`x-ms-ratelimit-remaining-${scope}-${kind}`]: String(Math.floor(tokens - 1)) }
  }
}

/**
 * Requests without a good token, by where they come from. Whoever has a good one is let in from anywhere, whatever others at the same
 * address do; the others are told to wait, as `TooManyRequests`, once they are more than the bucket holds.
 */
export const limitStrangers = (
  authenticate: (raw: RawRequest) => Promise<Caller>,
  bucket: Bucket,
  clock: Clock,
): ((raw: RawRequest) => Promise<Caller>) => {
  const levels = makeLevels(clock)
  return async raw => {
    try {
      return await authenticate(raw)
    } catch (error) {
      const from = networkOf(raw.remoteAddress)
      const { waitSeconds } = levels.look(from, bucket)
      if (waitSeconds > 0) throw armError.tooManyRequests(waitSeconds)
      levels.take(from, bucket)
      throw error
    }
  }
}
