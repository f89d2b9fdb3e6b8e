import { armError } from '#arm/arm-error.ts'
import { isObject, readBody } from '#arm/read-body.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm } from '#arm/resource-type.ts'
import { nodeOf } from '#arm/schema-marks.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { deploymentError } from './deployment-errors.ts'
import { deploymentSchema } from './deployment-schema.ts'

export type Mode = 'Incremental' | 'Complete'

/** What a deployment is asked to do. */
export interface Wish {
  readonly template: JsonObject
  readonly parameters: Json | undefined
  readonly mode: Mode
  /** Short name; at a subscription or the tenant only. */
  readonly location?: string
  readonly validationLevel: 'Provider' | 'ProviderNoRbac' | 'Template'
  /** The template was evaluated by the deployment that this one is nested in. */
  readonly isEvaluated: boolean
}

const MAX_NAME = 64

/** Throws the refusals of a bad name and of a scope that is none for deployments. */
export const checkDeploymentName = (name: string, id: ResourceId): void => {
  if (name.length > MAX_NAME) throw deploymentError.nameTooLong(name)
  if (!/^[-\w._()]+$/.test(name)) throw deploymentError.invalidName(name)
  const { scope } = id
  const isGood = scope.toString() === '' || scope.key === id.subscription?.key || scope.key === id.group?.key
  if (!isGood) throw deploymentError.wrongScope(scope.toString())
}

/** The body of an action on a deployment that may not be there: the same as that of a PUT. */
export const readDeploymentBody = (given: Json | undefined): JsonObject => {
  if (!isObject(given)) throw armError.missingRequestBody()
  const { id: _id, name: _name, type: _type, ...body } = given
  return readBody(nodeOf(deploymentSchema), body, { path: 'deployment', keepNull: false })
}

/** Reads a deployment's body, as checked against its schema; what is not served is refused. */
export const readWish = (id: ResourceId, given: JsonObject, arm: Arm): Wish => {
  const properties = (given.properties ?? {}) as JsonObject
  refuseUnserved(properties)
  const { template, parameters, mode, validationLevel = 'Provider', expressionEvaluationOptions } = properties
  if (!isObject(template)) throw deploymentError.notSpecified()
  if (typeof mode !== 'string') throw armError.missingProperty('deployment.properties.mode')
  if (mode === 'Complete' && id.scope.key !== id.group?.key) throw deploymentError.completeNotHere()
  const location = locationOf(id, given.location, arm)
  const { scope } = (expressionEvaluationOptions ?? {}) as { scope?: string }
  return {
    template,
    parameters,
    mode: mode as Mode,
    ...(location === undefined ? {} : { location }),
    validationLevel: validationLevel as Wish['validationLevel'],
    isEvaluated: String(scope).toLowerCase() === 'outer',
  }
}

const refuseUnserved = (properties: JsonObject): void => {
  for (const name of ['templateLink', 'parametersLink', 'onErrorDeployment'])
    if (properties[name] !== undefined) throw armError.notServed(`'${name}' of a deployment`)
  const { detailLevel = 'none' } = (properties.debugSetting ?? {}) as { detailLevel?: string }
  if (String(detailLevel).toLowerCase() !== 'none') throw armError.notServed('The debug setting of a deployment')
}

const locationOf = (id: ResourceId, given: Json | undefined, arm: Arm): string | undefined => {
  const isInGroup = id.group !== undefined
  if (isInGroup && given !== undefined) throw deploymentError.locationNotAllowed(id.name)
  if (isInGroup) return undefined
  if (typeof given !== 'string') throw deploymentError.locationMissing(id.name)
  const location = arm.findLocation(given)
  if (location) return location.name
  throw armError.locationNotAvailable(
    given.slice(0, 100),
    'Microsoft.Resources/deployments',
    arm.locations.map(({ name }) => name),
  )
}
