import { ArmError, armError } from '#arm/arm-error.ts'
import type { Registry } from '#arm/registry.ts'
import type { Arm, ArmResponse, Caller } from '#arm/resource-type.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { type LookUp, NotLookedUp } from '#templates/frame.ts'
import { fault } from '#templates/template-fault.ts'
import { deploymentError } from './deployment-errors.ts'
import { giveWay } from './give-way.ts'

/** Of all evaluations of a deployment together. */
const MAX_LOOK_UPS = 10_000

export interface LookUpParts {
  readonly arm: Arm
  readonly registry: () => Registry
  readonly caller: Caller
  readonly origin: string
}

/**
 * What reference(), list...() and providers() find: each by a request with the caller's rights, but for what the registry knows. An
 * evaluation that lacks an answer ends with `NotLookedUp`, the answer is fetched, and the evaluation begins again; so evaluating
 * never waits.
 */
export class LookUps {
  readonly #parts: LookUpParts
  readonly #types = new Map<string, readonly JsonObject[]>()
  #answers: ReadonlyMap<string, Json> = new Map()
  #count = 0
  constructor(parts: LookUpParts) {
    this.#parts = parts
  }

  find(what: LookUp): Json {
    if (what.kind === 'provider') return this.#provider(what.namespace, what.type)
    const known = this.#answers.get(JSON.stringify(what))
    if (known === undefined) throw new NotLookedUp(what)
    return known
  }

  /** The result of `evaluate`, with all that it looks up: anew each time, as resources change while a deployment goes on. */
  async evaluated<T>(evaluate: () => T): Promise<T> {
    const answers = new Map<string, Json>()
    for (;;) {
      this.#answers = answers // another evaluation may have had its turn meanwhile
      try {
        return evaluate()
      } catch (error) {
        if (!(error instanceof NotLookedUp)) throw error
        if (++this.#count > MAX_LOOK_UPS) throw fault.tooCostly(`${MAX_LOOK_UPS} look-ups`)
        answers.set(JSON.stringify(error.lookUp), await this.#fetch(error.lookUp))
        await giveWay()
      }
    }
  }

  #fetch(what: NotLookedUp['lookUp']): Promise<Json> {
    return what.kind === 'list' ? this.#list(what) : this.#reference(what)
  }

  async #reference({ id, apiVersion, full }: Extract<LookUp, { kind: 'reference' }>): Promise<Json> {
    if (!apiVersion) throw deploymentError.missingApiVersion(id)
    const body = await this.#ask('GET', id, apiVersion)
    if (full) return { apiVersion, ...body }
    return (body.properties as Json | undefined) ?? {}
  }

  #list({ id, action, apiVersion, body }: Extract<LookUp, { kind: 'list' }>): Promise<JsonObject> {
    return this.#ask('POST', `${id}/${action}`, apiVersion, body)
  }

  #provider(namespace: string, type: string | undefined): Json {
    const types = this.#typesOf(namespace)
    if (type === undefined) return { namespace, resourceTypes: types }
    return types.find(known => String(known.resourceType).toLowerCase() === type.toLowerCase()) ?? null
  }

  /** Made once: an evaluation may ask many times. */
  #typesOf(namespace: string): readonly JsonObject[] {
    const key = namespace.toLowerCase()
    const known = this.#types.get(key)
    if (known) return known
    const provider = this.#parts.registry().providers.find(one => one.namespace.toLowerCase() === key)
    if (!provider) throw armError.invalidResourceNamespace(namespace.slice(0, 100))
    const types = provider.types.map(({ type, tracked, apiVersions }) => ({
      resourceType: type.slice(key.length + 1),
      locations: tracked ? this.#parts.arm.locations.map(({ displayName }) => displayName) : [],
      apiVersions: [...apiVersions],
    }))
    this.#types.set(key, types)
    return types
  }

  async #ask(method: 'GET' | 'POST', path: string, apiVersion: string, body?: Json): Promise<JsonObject> {
    const { arm, caller, origin } = this.#parts
    const sent = { method, path, apiVersion, caller, origin, ...(body === undefined ? {} : { body }) }
    const answer = await arm.complete(sent)
    if (answer.status >= 400) throw refusalIn(answer)
    return (answer.body ?? {}) as JsonObject
  }
}

/** The refusal that an answer tells. */
export const refusalIn = (answer: ArmResponse): ArmError => {
  const { error } = (answer.body ?? {}) as unknown as { error?: ReturnType<ArmError['toOperationError']> }
  const { code = 'InternalServerError', message = `The request was answered with status ${answer.status}.` } =
    error ?? {}
  return new ArmError(answer.status, code, message, {
    ...(error?.target === undefined ? {} : { target: error.target }),
    ...(error?.details === undefined ? {} : { details: error.details }),
  })
}
