import type { ResourceDocument } from '#resources/resource-document.ts'
import { type ImageProperties, imageProperties } from '../image.ts'
import { versionError } from './version-errors.ts'

/** What a source says of itself; what it does not say can't contradict the definition. */
export interface SourceFacts {
  readonly id: string
  readonly osType?: string | undefined
  readonly osState?: string | undefined
  readonly hyperVGeneration?: string | undefined
  readonly purchasePlan?: ImageProperties['purchasePlan'] | undefined
}

/** What a definition says of its versions; `id` names one of them. */
export const factsOf = (id: string, definition: ResourceDocument): SourceFacts => {
  const { osType, osState, hyperVGeneration, purchasePlan } = imageProperties(definition)
  return { id, osType, osState, hyperVGeneration, purchasePlan }
}

/** Throws unless the source is of the kind that the definition promises. */
export const requireMatch = (source: SourceFacts, definition: ResourceDocument): void => {
  const { osType, osState, hyperVGeneration = 'V1', purchasePlan } = imageProperties(definition)
  if (source.osState !== undefined && source.osState !== osState)
    throw versionError.osStateMismatch(source.id, osState, source.osState)
  if (source.osType !== undefined && source.osType !== osType)
    throw versionError.osTypeMismatch(source.id, source.osType, osType)
  if (source.hyperVGeneration !== undefined && source.hyperVGeneration !== hyperVGeneration)
    throw versionError.generationMismatch(source.id, source.hyperVGeneration, hyperVGeneration)
  if (source.purchasePlan && planText(source.purchasePlan) !== planText(purchasePlan))
    throw versionError.planMismatch(source.id, planText(source.purchasePlan), planText(purchasePlan))
}

const planText = (plan: ImageProperties['purchasePlan']) =>
  plan ? JSON.stringify({ name: plan.name, publisher: plan.publisher, product: plan.product }) : 'null'
