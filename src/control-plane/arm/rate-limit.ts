import type { Clock } from '#foundation/clock.ts'
import { armError } from './arm-error.ts'
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
}

/** Far above Azure's, so that automation runs at full speed; a runaway loop still meets them. */
export const generousLimits: RateLimits = {
  reads: { burst: 60_000, perSecond: 12_000 },
  writes: { burst: 12_000, perSecond: 2_400 },
  deletes: { burst: 12_000, perSecond: 2_400 },
}

const kinds = {
  GET: 'reads',
  HEAD: 'reads',
  PUT: 'writes',
  PATCH: 'writes',
  POST: 'writes',
  DELETE: 'deletes',
} as const
const MAX_TRACKED = 10_000

/** Takes a token for a request and returns the header that tells how many are left; throws `TooManyRequests`. */
export const makeRateLimiter = (limits: RateLimits, clock: Clock) => {
  const levels = new Map<string, { tokens: number; atMs: number }>()
  return (method: ArmRequest['method'], caller: Caller, subscriptionId: string | undefined): Record<string, string> => {
    const kind = kinds[method]
    const bucket = limits[kind]
    const key = `${kind} ${caller.objectId} ${subscriptionId?.toLowerCase() ?? caller.tenantId}`
    const nowMs = clock.now().getTime()
    const level = levels.get(key) ?? { tokens: bucket.burst, atMs: nowMs }
    const tokens = Math.min(bucket.burst, level.tokens + ((nowMs - level.atMs) / 1000) * bucket.perSecond)
    if (levels.size >= MAX_TRACKED && !levels.has(key)) levels.clear() // all that forgetting does is to be generous
    if (tokens < 1) throw armError.tooManyRequests(Math.max(1, Math.ceil((1 - tokens) / bucket.perSecond)))
    levels.set(key, { tokens: tokens - 1, atMs: nowMs })
    const scope = subscriptionId ? 'subscription' : 'tenant'
    return { [`x-ms-ratelimit-remaining-${scope}-${kind}`]: String(Math.floor(tokens - 1)) }
  }
}
