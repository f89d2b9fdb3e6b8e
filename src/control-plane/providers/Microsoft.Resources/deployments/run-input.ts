import type { Arm, ArmRequest, Caller } from '#arm/resource-type.ts'
import { deploymentError } from './deployment-errors.ts'

export const RUN_DEPLOYMENT = 'run deployment'
export const FORGET_DEPLOYMENT = 'forget deployment'

/** How deep deployments may lie within deployments. */
const MAX_DEPTH = 8
/** Tells a nested deployment how deep it is. */
export const DEPTH_HEADER = 'x-ms-deployment-depth'
/** Tells a nested deployment the key of the one that it lies in. */
export const OUTER_HEADER = 'x-ms-deployment-outer'

/** What a deployment's work needs to know beside what is kept in the store. */
export interface RunInput {
  readonly caller: Caller
  readonly origin: string
  readonly correlationId: string
  readonly depth: number
}

/** Throws when deployments are nested too deeply. */
export const runInputOf = (request: ArmRequest, arm: Arm): RunInput => {
  const depth = checked(Number(request.headers[DEPTH_HEADER] ?? 0))
  const { caller, origin } = request
  return { caller, origin, correlationId: correlationOf(request, arm), depth }
}

/** For a deployment that lies in this one. Throws when that is too deep. */
export const deeper = (input: RunInput): RunInput => ({ ...input, depth: checked(input.depth + 1) })

const checked = (depth: number): number => {
  if (!(depth >= 0 && depth < MAX_DEPTH)) throw deploymentError.tooDeep(MAX_DEPTH)
  return depth
}

const correlationOf = (request: ArmRequest, arm: Arm): string => {
  const given = request.headers['x-ms-correlation-request-id']
  return given !== undefined && /^[0-9a-f-]{36}$/i.test(given) ? given : arm.random.uuid()
}
