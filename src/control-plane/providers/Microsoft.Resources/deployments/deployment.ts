import { armError } from '#arm/arm-error.ts'
import { comparisonOf } from '#arm/filter-terms.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Call, ResourceOperation, ResourceType } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { deploymentError } from './deployment-errors.ts'
import type { DeploymentParts } from './deployment-parts.ts'
import { deploymentSchema } from './deployment-schema.ts'
import { planDeployment } from './plan-deployment.ts'
import { FORGET_DEPLOYMENT } from './run-input.ts'
import { validateDeployment } from './validate-deployment.ts'
import { whatIf } from './what-if.ts'

export const deploymentApiVersions = [
  '2025-04-01',
  '2024-11-01',
  '2022-09-01',
  '2021-04-01',
  '2020-10-01',
  '2019-10-01',
]

/** Deployments of templates: at a resource group, a subscription or the tenant. */
export const deploymentType = (parts: DeploymentParts): ResourceType => ({
  type: 'Microsoft.Resources/deployments',
  apiVersions: deploymentApiVersions,
  tracked: false,
  extension: true,
  schema: deploymentSchema,
  bodyName: 'deployment',
  patchable: false,
  listsOwnScope: true,
  operationsType: 'Microsoft.Resources/deployments/operationStatuses',
  missing: id => deploymentError.notFound(id.name),
  deleteMissing: 404,
  plan: (change, arm) => planDeployment(change, parts, arm),
  busy: document => deploymentError.active(document.name, scopeOf(document)),
  async planDelete({ document }) {
    if (isRunning(document)) throw deploymentError.cannotDelete(document.name)
    return { work: { kind: FORGET_DEPLOYMENT, input: {} } }
  },
  async present(document, view) {
    const running = view.verb === 'write' ? 'Accepted' : 'Running'
    return {
      envelope: document.envelope,
      properties: document.properties,
      provisioningState: isRunning(document) ? running : document.provisioningState,
    }
  },
  filter(filter) {
    const { field, operator, value } = comparisonOf(filter.trim()) ?? {}
    if (value === undefined || field !== 'provisioningstate' || operator !== 'eq')
      throw armError.invalidFilter(filter.slice(0, 200))
    const stateOf = (document: ResourceDocument) => (isRunning(document) ? 'Running' : document.provisioningState)
    return document => stateOf(document).toLowerCase() === value.toLowerCase()
  },
  actions: {
    cancel: { permission: 'cancel/action', run: cancel },
    exportTemplate: {
      permission: 'exportTemplate/action',
      async run({ document }) {
        const { template } = await parts.deployments.content(document.uid)
        if (document.hidden.isEvaluated === true || !template) throw deploymentError.noTemplateOfItsOwn(document.name)
        return { status: 200, body: { template } }
      },
    },
  },
  unstoredActions: {
    validate: {
      permission: 'validate/action',
      run: ({ id, request }, arm) => validateDeployment(id, request, parts, arm),
    },
    whatIf: { permission: 'whatIf/action', run: ({ id, request }, arm) => whatIf(id, request, parts, arm) },
  },
})

const isRunning = ({ provisioningState }: ResourceDocument): boolean =>
  provisioningState === 'Creating' || provisioningState === 'Updating'

const scopeOf = (document: ResourceDocument) => ResourceId.parse(document.id)?.scope.toString() || '/'

/** What runs of its resources goes on; what has not begun never does. */
async function cancel({ document }: Call, arm: Arm) {
  const marked = await arm.resources.change(document.key, current =>
    isRunning(current) ? { ...current, hidden: { ...current.hidden, cancelled: true } } : undefined,
  )
  if (!marked) throw deploymentError.cannotCancel(document.name, document.provisioningState)
  await arm.cancel(document.key)
  return { status: 204 } as const
}

/** The end of a deployment's history; what it made stays. */
export const forgetDeployment = ({ deployments }: DeploymentParts): ResourceOperation => ({
  kind: FORGET_DEPLOYMENT,
  run: async ({ document }) => ({
    remove: true,
    conclude: transaction => deployments.forget(transaction, document.uid),
  }),
})
