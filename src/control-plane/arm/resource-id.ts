/** One `type/name` pair of an id. */
interface Pair {
  readonly type: string
  readonly name: string
}

/** Pairs under one namespace: what follows a `/providers/` segment, or the root pairs, which belong to Microsoft.Resources. */
interface Part {
  readonly namespace: string
  readonly pairs: readonly Pair[]
}

const ROOT_NAMESPACE = 'Microsoft.Resources'
const MAX_SEGMENTS = 48

/**
 * An ARM resource id. `/subscriptions/S/resourceGroups/G` is of type `Microsoft.Resources/subscriptions/resourceGroups`, as in ARM
 * itself; an id may go on behind another one's (`.../providers/Microsoft.Resources/tags/default`), which then is its scope.
 */
export class ResourceId {
  readonly #parts: readonly Part[]
  constructor(parts: readonly Part[]) {
    this.#parts = parts
  }

  /** The tenant itself: the empty id. */
  static readonly tenant = new ResourceId([])

  static parse(path: string): ResourceId | undefined {
    const target = parseTarget(path)
    return target?.kind === 'resource' ? target.id : undefined
  }

  get #last(): Part | undefined {
    return this.#parts.at(-1)
  }
  /** Namespace and types without names: `Microsoft.Compute/galleries/images`; `''` for the tenant. */
  get type(): string {
    const last = this.#last
    return last ? [last.namespace, ...last.pairs.map(pair => pair.type)].join('/') : ''
  }
  get namespace(): string {
    return this.#last?.namespace ?? ''
  }
  get name(): string {
    return this.#last?.pairs.at(-1)?.name ?? ''
  }
  /** Names from the outermost to the own: `['gallery', 'image', '1.0.0']`. */
  get names(): readonly string[] {
    return this.#last?.pairs.map(pair => pair.name) ?? []
  }
  get subscriptionId(): string | undefined {
    return this.#rootName('subscriptions')
  }
  get resourceGroup(): string | undefined {
    return this.#rootName('resourcegroups')
  }
  #rootName(type: string): string | undefined {
    const root = this.#parts[0]
    if (root?.namespace !== ROOT_NAMESPACE) return undefined
    return root.pairs.find(pair => pair.type.toLowerCase() === type)?.name
  }
  /** The name behind a type of the own part: `location('locations')`. */
  nameOf(type: string): string | undefined {
    return this.#last?.pairs.find(pair => pair.type.toLowerCase() === type.toLowerCase())?.name
  }
  /** The enclosing resource, group, subscription, or the tenant. */
  get parent(): ResourceId {
    const last = this.#last
    if (!last) return this
    const before = this.#parts.slice(0, -1)
    return last.pairs.length > 1
      ? new ResourceId([...before, { ...last, pairs: last.pairs.slice(0, -1) }])
      : new ResourceId(before)
  }
  /** What the own namespace's part hangs on: a group, a subscription, another resource, or the tenant. */
  get scope(): ResourceId {
    return new ResourceId(this.#parts.slice(0, -1))
  }
  /** The resource group as an id. */
  get group(): ResourceId | undefined {
    const root = this.#parts[0]
    if (!this.resourceGroup || !root) return undefined
    return new ResourceId([{ ...root, pairs: root.pairs.slice(0, 2) }])
  }
  get subscription(): ResourceId | undefined {
    const root = this.#parts[0]
    if (!this.subscriptionId || !root) return undefined
    return new ResourceId([{ ...root, pairs: root.pairs.slice(0, 1) }])
  }
  child(type: string, name: string): ResourceId {
    const last = this.#last
    if (!last) return new ResourceId([{ namespace: ROOT_NAMESPACE, pairs: [{ type, name }] }])
    return new ResourceId([...this.#parts.slice(0, -1), { ...last, pairs: [...last.pairs, { type, name }] }])
  }
  /** A resource of another namespace that hangs on this one. */
  extension(namespace: string, type: string, name: string): ResourceId {
    return new ResourceId([...this.#parts, { namespace, pairs: [{ type, name }] }])
  }
  /** The same id with the type segments in the registered case. */
  inCaseOf(registeredType: string): ResourceId {
    const last = this.#last
    if (!last) return this
    const [namespace = last.namespace, ...types] = registeredType.split('/')
    const pairs = last.pairs.map((pair, index) => ({ ...pair, type: types[index] ?? pair.type }))
    return new ResourceId([...this.#parts.slice(0, -1), { namespace, pairs }])
  }
  toString(): string {
    return this.#parts
      .map((part, index) => {
        const pairs = part.pairs.map(pair => `/${pair.type}/${pair.name}`).join('')
        return index === 0 && part.namespace === ROOT_NAMESPACE && !isExplicit(part)
          ? pairs
          : `/providers/${part.namespace}${pairs}`
      })
      .join('')
  }
  /** The id in lower case: how documents are looked up. */
  get key(): string {
    return this.toString().toLowerCase()
  }
}

// `/providers/Microsoft.Resources/...` at the tenant is the one place where the root namespace is spelt out.
const EXPLICIT_ROOT_TYPES = new Set(['deployments', 'tags', 'templatespecs', 'deploymentscripts'])
const isExplicit = (part: Part): boolean => EXPLICIT_ROOT_TYPES.has(part.pairs[0]?.type.toLowerCase() ?? '')

/** What a request's path names: a resource, or a type of resources within one. */
export type Target =
  | { readonly kind: 'resource'; readonly id: ResourceId }
  /**
   * `type` is the full type of the members, `parent` what they lie in. A POST to the same path is the action `segment` on `owner`
   * (for `/providers/Microsoft.Compute/register` that is the provider itself, else the parent).
   */
  | {
      readonly kind: 'collection'
      readonly parent: ResourceId
      readonly type: string
      readonly segment: string
      readonly owner: ResourceId
    }

/**
 * Reads a request's path. Doubled and trailing slashes are tolerated (az sends both); segments are percent-decoded.
 * `undefined` for what can't be an ARM path.
 */
export const parseTarget = (path: string): Target | undefined => {
  const segments = decodeSegments(path)
  if (!segments) return undefined
  const parts: { namespace: string; pairs: Pair[] }[] = []
  let at = 0
  while (at < segments.length) {
    const type = segments[at] as string
    const startsPart = type.toLowerCase() === 'providers' && at + 2 < segments.length
    if (startsPart) {
      const [namespace = '', first = ''] = segments.slice(at + 1)
      const isRoot = namespace.toLowerCase() === ROOT_NAMESPACE.toLowerCase()
      // Subscriptions lie in nothing: the rights in one that is named behind another id would not be asked for.
      if (isRoot && parts.length > 0 && first.toLowerCase() === 'subscriptions') return undefined
      parts.push({ namespace: isRoot && parts.length === 0 ? ROOT_NAMESPACE : namespace, pairs: [] })
      at += 2
      continue
    }
    if (parts.length === 0) parts.push({ namespace: ROOT_NAMESPACE, pairs: [] })
    // Clients ask for a group's deployments at `/resourcegroups/G/deployments/D/operations`, without their namespace.
    if (parts.length === 1 && isGroupPart(parts[0]) && type.toLowerCase() === 'deployments')
      parts.push({ namespace: ROOT_NAMESPACE, pairs: [] })
    const part = parts.at(-1) as { namespace: string; pairs: Pair[] }
    const name = segments[at + 1]
    if (name === undefined) return collection(parts, type)
    part.pairs.push({ type, name })
    at += 2
  }
  return { kind: 'resource', id: new ResourceId(parts) }
}

/** An id, or a path made of ids, as it stands in a URL: names may have letters that no URL and no header can. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

const isGroupPart = (part: Part | undefined): boolean => part?.namespace === ROOT_NAMESPACE && part.pairs.length === 2

const collection = (parts: readonly Part[], segment: string): Target => {
  const last = parts.at(-1) as Part
  const type = [last.namespace, ...last.pairs.map(pair => pair.type), segment].join('/')
  const nested = last.pairs.length > 0
  const parent = new ResourceId(nested ? parts : parts.slice(0, -1))
  return {
    kind: 'collection',
    parent,
    type,
    segment,
    owner: nested ? parent : parent.child('providers', last.namespace),
  }
}

const decodeSegments = (path: string): string[] | undefined => {
  const raw = path.split('/').filter(segment => segment !== '')
  if (raw.length > MAX_SEGMENTS) return undefined
  try {
    const segments = raw.map(segment => decodeURIComponent(segment))
    return segments.some(isUnprintable) ? undefined : segments
  } catch {
    return undefined
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
const isUnprintable = (segment: string): boolean => /[/\\?#\u0000-\u001f\u007f]/.test(segment) || segment.length > 1024
