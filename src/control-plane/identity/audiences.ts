/** Whom a token may be for. Clients write an audience with and without a slash at the end, and in any casing. */
export const sameAudience = (one: string, other: string): boolean => bare(one) === bare(other)

const bare = (audience: string): string => audience.replace(/\/+$/, '').toLowerCase()

/** The names under which clients know Azure Resource Manager, this server's own first. */
export const armAudiences = (origins: readonly string[]): string[] => [
  ...origins,
  'https://management.azure.com',
  'https://management.core.windows.net',
]

/** The names under which clients know Microsoft Graph, this server's own first. */
export const graphAudiences = (origins: readonly string[]): string[] => [
  ...origins.flatMap(origin => [`${origin}/msgraph`, `${origin}/graph`]),
  'https://graph.microsoft.com',
  'https://graph.windows.net',
]

/** What a client asks for in `scope`: one resource, and whether it wants to know the user and to stay signed in. */
export interface WantedScope {
  /** As the client wrote it, so that the token's `aud` is what it expects. */
  readonly audience: string
  readonly openid: boolean
  readonly offline: boolean
}

const oidcScopes = new Set(['openid', 'profile', 'email', 'offline_access'])

/** Reads an OAuth 2 scope such as `https://host/.default offline_access`; undefined when it doesn't name exactly one resource. */
export const parseScope = (scope: string): WantedScope | undefined => {
  const words = scope.split(' ').filter(Boolean)
  const audiences = new Set(words.filter(word => !oidcScopes.has(word)).map(resourceOf))
  const [audience] = audiences
  if (!audience || audiences.size > 1) return undefined
  return { audience, openid: words.includes('openid'), offline: words.includes('offline_access') }
}

/** `https://host//.default` means the audience `https://host/`: the permission is what follows the last slash. */
const resourceOf = (word: string): string | undefined => /^(https?:\/\/.+|[^/]+)\/[\w.]+$/.exec(word)?.[1]
