import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { type OpenOptions, type OpenTemplate, openTemplate } from '#templates/open-template.ts'
import { TemplateFault } from '#templates/template-fault.ts'
import { ofTemplate } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { LookUps } from './look-ups.ts'
import type { Wish } from './read-deployment.ts'
import { surroundingsOf } from './surroundings.ts'

export interface Asked {
  readonly id: ResourceId
  readonly wish: Pick<Wish, 'template' | 'parameters' | 'mode' | 'location'>
  readonly caller: Caller
  readonly origin: string
}

/** A template at its place, and the answers to what it looks up. */
export interface Prepared {
  readonly opened: OpenTemplate
  readonly lookUps: LookUps
}

/** Opens the template of a deployment where it is to be made. Throws `InvalidTemplate`. */
export const prepareDeployment = async (
  asked: Asked,
  parts: Pick<DeploymentParts, 'registry'>,
  arm: Arm,
  options: OpenOptions = {},
): Promise<Prepared> => {
  const { wish, caller, origin } = asked
  const lookUps = new LookUps({ arm, registry: parts.registry, caller, origin })
  const surroundings = await surroundingsOf(asked, lookUps, arm)
  const opened = await asRefusal(async () => openTemplate(wish.template, wish.parameters, surroundings, options))
  return { opened, lookUps }
}

/** Faults of a template are refusals of the deployment. */
export const asRefusal = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw error instanceof TemplateFault ? ofTemplate(error) : error
  }
}
