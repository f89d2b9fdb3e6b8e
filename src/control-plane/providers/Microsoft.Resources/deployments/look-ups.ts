import { ArmError } from '#arm/arm-error.ts'
import type { Registry } from '#arm/registry.ts'
import type { Arm, ArmResponse, Caller } from '#arm/resource-type.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { type LookUp, NotLookedUp } from '#templates/frame.ts'
import { deploymentError } from './deployment-errors.ts'

const MAX_LOOK_UPS = 2000

export interface LookUpParts {
  readonly arm: Arm
  readonly registry: () => Registry
  readonly caller: Caller
  readonly origin: string
}

/**
 * What reference(), list...() and providers() find: each by a request with the caller's rights. An evaluation that lacks an answer
 * ends with `NotLookedUp`, the answer is fetched, and the evaluation begins again; so evaluating never waits.
 */
export class LookUps {
  readonly #parts: LookUpParts
  #answers = new Map<string, Json>()
  constructor(parts: LookUpParts) {
    this.#parts = parts
  }

  find(what: LookUp): Json {
    const known = this.#answers.get(JSON.stringify(what))
    if (known === undefined) throw new NotLookedUp(what)
    return known
  }

  /** Forgets what was found: resources change while a deployment goes on. */
  forget(): void {
    this.#answers = new Map()
  }

  /** The result of `evaluate`, with all that it looks up. */
  async evaluated<T>(evaluate: () => T): Promise<T> {
    for (;;) {
      try {
        return evaluate()
      } catch (error) {
        if (!(error instanceof NotLookedUp) || this.#answers.size > MAX_LOOK_UPS) throw error
        this.#answers.set(JSON.stringify(error.lookUp), await this.#fetch(error.lookUp))
      }
    }
  }

  #fetch(what: LookUp): Promise<Json> | Json {
    if (what.kind === 'provider') return this.#provider(what.namespace, what.type)
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
    const types = this.#parts
      .registry()
      .providers.find(provider => provider.namespace.toLowerCase() === namespace.toLowerCase())
      ?.types.map(known => ({
        resourceType: known.type.slice(namespace.length + 1),
        locations: known.tracked ? this.#parts.arm.locations.map(({ displayName }) => displayName) : [],
        apiVersions: [...known.apiVersions],
      }))
    if (!types)
      throw new ArmError(
        404,
        'InvalidResourceNamespace',
        `The resource namespace '${namespace.slice(0, 100)}' is invalid.`,
      )
    if (type === undefined) return { namespace, resourceTypes: types }
    return types.find(known => known.resourceType.toLowerCase() === type.toLowerCase()) ?? null
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
