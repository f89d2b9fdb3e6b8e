import type { Json, JsonObject } from '#resources/resource-document.ts'
import { type LookUp, NotLookedUp, type Surroundings } from './frame.ts'
import { openTemplate } from './open-template.ts'

export const SUBSCRIPTION_ID = '11111111-1111-4111-8111-111111111111'
export const GROUP_ID = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg`

/** A group of a subscription, as a template's functions see it; `answers` holds what can be looked up, by action and id. */
export const inGroup = (answers: Readonly<Record<string, Json>> = {}): Surroundings => ({
  scope: 'resourceGroup',
  resourceGroup: () => ({ id: GROUP_ID, name: 'rg', location: 'eastus', tags: {} }),
  subscription: () => ({ id: `/subscriptions/${SUBSCRIPTION_ID}`, subscriptionId: SUBSCRIPTION_ID }),
  tenant: () => ({ tenantId: 'tenant' }),
  deployment: () => ({ name: 'deployed' }),
  deployer: () => ({ objectId: 'object', tenantId: 'tenant' }),
  environment: () => ({ name: 'cloud' }),
  lookUp(what: LookUp) {
    if (what.kind === 'provider') return answers[what.namespace] ?? null
    const answer = answers[`${what.kind} ${what.id}`]
    if (answer === undefined) throw new NotLookedUp(what)
    return answer
  },
  now: () => new Date('2026-05-04T03:02:01.123Z'),
  newGuid: () => '00000000-0000-4000-8000-000000000000',
})

/** The value of an expression as an output of a template with these other sections. */
export const evaluated = (
  expression: Json,
  sections: JsonObject = {},
  answers: Readonly<Record<string, Json>> = {},
): Json => {
  const outputs = { it: { type: 'object', nullable: true, value: { value: expression } } }
  const opened = openTemplate({ resources: [], ...sections, outputs }, undefined, inGroup(answers))
  return (opened.outputs() as { it: { value: { value: Json } } }).it.value.value
}
